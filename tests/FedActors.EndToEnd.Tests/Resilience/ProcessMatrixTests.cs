using System.Diagnostics;
using System.Net.Http.Json;
using System.Runtime.Versioning;
using FedActors.Actors.Storage;
using FedActors.Actors.Tests.TestKit;
using FedActors.TestNode;

namespace FedActors.EndToEnd.Tests.Resilience;

/// <summary>
/// A hub and three hospitals as processes: at every event that their journals hold, before it is written and after, the
/// process is killed, its journal says that it failed, or it is stopped for a moment. In the end the model is that of
/// the undisturbed run, each round is committed once, and nothing that was acknowledged is missing.
/// </summary>
[Platform(Include = "Linux")]
[SupportedOSPlatform("linux")]
[Category("Slow")]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ProcessMatrixTests : IAsyncDisposable
{
    private const string Berlin = "berlin";

    // In the order in which they come to pass. What an operator wishes comes while the hub waits for hospitals; a round
    // is aborted where a hospital has lost the secrets of its session.
    private static readonly string[] OfTheDesk =
        ["JobSubmitted", "AbortAsked", "HospitalSuspended", "HospitalResumed", "JobPaused", "JobResumed"];
    private static readonly string[] OfARound =
        ["JobAccepted", "RoundOpened", "KeysFixed", "SharesFixed", "SurvivorSetFixed", "RoundCommitted"];
    private static readonly string[] OfAHospital = ["MaskedReady", "SurvivorSetSigned", "SharesReleased"];
    private static readonly string[] OfAFailedRound = ["RoundAborted", "AttemptFailed"];
    private static readonly string[] OfTheEnd = ["JobEnded"];

    // A hub that does not answer in this time is asked again.
    private static readonly HttpClient Operator = new() { Timeout = TimeSpan.FromSeconds(2) };

    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private Postgres? _server;
    private ProcessFederation _federation = null!;
    private int _management;
    private int _cells;

    public async ValueTask DisposeAsync()
    {
        await (_federation?.DisposeAsync() ?? ValueTask.CompletedTask);
        _server?.Dispose();
    }

    [Test]
    public void The_matrix_holds_every_event_of_every_journal()
    {
        string[] all = [.. OfTheDesk, .. OfARound, .. OfAHospital, .. OfAFailedRound, .. OfTheEnd];
        Assert.That(all, Is.EquivalentTo(JournalSerializer.Manifests.Keys.Select(FailpointJournal.NameOf)));
    }

    // On a server it is minutes more: for whoever asks for it by name.
    [TestCase("sqlite")]
    [TestCase("postgresql", Explicit = true)]
    public async Task A_process_that_is_killed_at_any_event_loses_nothing_and_changes_no_byte(string storage)
    {
        const int Rounds = 16;
        Open(storage, Rounds);

        foreach (var place in Places(OfTheDesk))
            await DiesAsync("hub", place, () => WishAsync(place.Split(':')[1]));
        foreach (var hospital in ProcessFederation.Hospitals)
            _federation.Start(hospital);
        foreach (var place in Places(OfARound))
            await DiesAsync("hub", place);
        await DiesAtEachAsync(OfAHospital);
        await _federation.EndAsync("hub", "KILL");
        foreach (var place in Places(OfAFailedRound))
        {
            await DiesAsync("hub", place, async () =>
            {
                // Only once: what berlin has lost stays lost until the attempt is given up.
                if (place != "before:RoundAborted")
                    return;
                await DiesAsync(Berlin, "before:MaskedReady");
                _federation.Start(Berlin);
            });
        }
        foreach (var place in Places(OfTheEnd))
            await DiesAsync("hub", place);
        _federation.Start("hub");
        await _federation.WhoSaysAsync("Job other is aborted: a trial", "hub");

        await EndsAsUndisturbedAsync(Rounds);
    }

    [Test]
    public async Task On_a_server_a_hub_that_is_killed_at_a_commit_and_a_hospital_at_its_update_lose_nothing()
    {
        const int Rounds = 6;
        Open("postgresql", Rounds);
        foreach (var hospital in ProcessFederation.Hospitals)
            _federation.Start(hospital);

        foreach (var place in Places(["RoundCommitted"]))
            await DiesAsync("hub", place);
        await DiesAtEachAsync(["MaskedReady"]);
        _federation.Start(Berlin);
        await _federation.WhoSaysAsync("Job small is done", "hub");

        await EndsAsUndisturbedAsync(Rounds);
    }

    [Test]
    public async Task A_hospital_that_is_killed_at_any_event_has_charged_its_ledger_for_all_that_it_released()
    {
        const int Rounds = 8;
        Open("sqlite", Rounds, "privacy { mode = patient-local, epsilon = 2, delta = 1e-6, spare = 10 }",
            hasLedgers: true);
        foreach (var hospital in ProcessFederation.Hospitals)
            _federation.Start(hospital);

        await DiesAtEachAsync(OfAHospital);
        _federation.Start(Berlin);
        await _federation.WhoSaysAsync($"Job small is done after {Rounds} rounds", "hub");

        foreach (var hospital in ProcessFederation.Hospitals)
        {
            // Each of them is another noisy update that somebody may have seen.
            var released = _federation.Count("masked-ready/1", hospital);
            var charged = _federation.LedgerOf(hospital).Grants.Single().Charged;
            TestContext.Progress.WriteLine($"{hospital} sealed {released} updates, and charged {charged}.");
            Assert.That(charged, Is.GreaterThanOrEqualTo(released));
            Assert.That(released, Is.GreaterThanOrEqualTo(Rounds));
        }
        EndsWhole(Rounds);
    }

    // Hundreds of failed writes, each with its pause: for whoever asks for it by name.
    [Test]
    [Explicit("It takes four minutes.")]
    public async Task A_journal_that_fails_at_any_event_loses_nothing_and_changes_no_byte()
    {
        const int Rounds = 60;
        Open("sqlite", Rounds);

        _federation.Start("hub", Failpoints([.. OfTheDesk, .. OfARound, .. OfAFailedRound, .. OfTheEnd], "fail"));
        foreach (var one in OfTheDesk)
            await WishAsync(one);
        foreach (var hospital in ProcessFederation.Hospitals)
            _federation.Start(hospital);
        await _federation.WhoSaysAsync("Failed after:RoundCommitted", "hub");
        await _federation.EndAsync(Berlin, "KILL");
        _federation.Start(Berlin, Failpoints(OfAHospital, "fail"));
        await _federation.WhoSaysAsync("Failed after:SharesReleased", Berlin);
        await _federation.WhoSaysAsync("Failed after:JobEnded", "hub");
        await _federation.WhoSaysAsync("Job other is aborted: a trial", "hub");

        await EndsAsUndisturbedAsync(Rounds);
    }

    [Test]
    public async Task A_process_that_is_stopped_for_a_moment_at_any_event_loses_nothing_and_changes_no_byte()
    {
        const int Rounds = 8;
        Open("sqlite", Rounds);

        _federation.Start("hub", Failpoints([.. OfTheDesk, .. OfARound, .. OfAFailedRound, .. OfTheEnd], "stop"));
        foreach (var one in OfTheDesk)
            await Task.WhenAll(WishAsync(one), GoesOnAtEachAsync("hub", [one]));
        // A hospital that cannot write gives its session up, and the attempt with it.
        _federation.Start(Berlin, Failpoints(OfAHospital, "stop") + ",before:MaskedReady=fail");
        foreach (var hospital in ProcessFederation.Hospitals.Where(hospital => hospital != Berlin))
            _federation.Start(hospital);
        await Task.WhenAll(
            GoesOnAtEachAsync("hub", [.. OfARound, .. OfAFailedRound, .. OfTheEnd]),
            GoesOnAtEachAsync(Berlin, OfAHospital));
        await _federation.WhoSaysAsync("Job other is aborted: a trial", "hub");

        await EndsAsUndisturbedAsync(Rounds);
    }

    private void Open(string storage, int rounds, string keys = "", bool hasLedgers = false)
    {
        _server = storage == "postgresql" ? Postgres.Start() : null;
        _federation = new ProcessFederation(_server);
        _management = SmallFederation.FreePort();
        _federation.Write(
            $$"""
            training { rounds = {{rounds}} }
            cohort { minimum = 3, attempts = 1000, deadline = 10s }
            secure-aggregation { phase-deadline = 5s }
            {{keys}}
            """, $"management.port = {_management}", hasLedgers: hasLedgers);
    }

    private static IEnumerable<string> Places(IEnumerable<string> events) =>
        events.SelectMany(name => (string[])[$"before:{name}", $"after:{name}"]);

    private static string Failpoints(IEnumerable<string> events, string action) =>
        string.Join(',', Places(events).Select(place => $"{place}={action}"));

    private async Task DiesAsync(string node, string place, Func<Task>? meanwhile = null)
    {
        _federation.Start(node, $"{place}=kill");
        await (meanwhile?.Invoke() ?? Task.CompletedTask);
        Assert.That(await _federation.EndAsync(node), Is.EqualTo(ProcessFederation.Killed),
            $"{node} did not die {place}.\n{_federation.Heard}");
        _cells++;
    }

    // At berlin, and the hub runs from the first on: no round is committed without berlin.
    private async Task DiesAtEachAsync(IEnumerable<string> events)
    {
        await _federation.EndAsync(Berlin, "KILL");
        _federation.Start("hub");
        foreach (var place in Places(events))
            await DiesAsync(Berlin, place);
    }

    private async Task GoesOnAtEachAsync(string node, IEnumerable<string> events)
    {
        foreach (var _ in Places(events))
        {
            await _federation.ContinueAsync(node);
            _cells++;
        }
    }

    // What an operator does while the hub waits for hospitals, so that it comes to this event.
    private async Task WishAsync(string @event)
    {
        // The hub's own job is submitted by its start.
        if (@event == "JobSubmitted")
            return;
        await _federation.WhoSaysAsync("The management endpoint listens", "hub");
        switch (@event)
        {
            case "AbortAsked":
                var file = _federation.WriteJob("other");
                await AskAsync("job/submit", new() { ["file"] = File.ReadAllText(file), ["file-path"] = file });
                await AskAsync("job/abort", new() { ["name"] = "other", ["reason"] = "a trial" });
                break;
            case "HospitalSuspended":
                await AskAsync("hospitals/suspend", new() { ["name"] = Berlin, ["reason"] = "a trial" });
                break;
            case "HospitalResumed":
                await AskAsync("hospitals/resume", new() { ["name"] = Berlin });
                break;
            case "JobPaused":
                await AskAsync("job/pause", new() { ["name"] = "small", ["reason"] = "a trial" });
                break;
            case "JobResumed":
                await AskAsync("job/resume", new() { ["name"] = "small" });
                break;
        }
    }

    // Until the hub has agreed, or is no more.
    private async Task AskAsync(string command, Dictionary<string, string> values)
    {
        for (var isOpen = true; isOpen;)
        {
            try
            {
                using var answer =
                    await Operator.PostAsJsonAsync($"http://127.0.0.1:{_management}/fed/{command}", values);
                isOpen = !answer.IsSuccessStatusCode;
            }
            catch (TaskCanceledException)
            {
                // It does not answer: whether it is durable, nobody knows.
            }
            catch (HttpRequestException)
            {
                isOpen = false;
            }
        }
    }

    private async Task EndsAsUndisturbedAsync(int rounds)
    {
        Assert.That(_federation.ResultOf("small"), Is.EqualTo(await _federation.SimulateAsync()), _federation.Heard);
        EndsWhole(rounds);
    }

    private void EndsWhole(int rounds)
    {
        Assert.That(_federation.Count("round-committed/1"), Is.EqualTo(rounds), "one commit a round");
        var (acknowledged, lost) = _federation.Account();
        TestContext.Progress.WriteLine(
            $"{_cells} kills or stops, {acknowledged} acknowledged events, {lost.Count} lost, "
                + $"{_watch.Elapsed.TotalSeconds:F0} s.");
        Assert.That(lost, Is.Empty);
    }
}
