using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using FedActors.Actors.Configuration;
using FedActors.Actors.Operations.Palette;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core;
using FedActors.Management;

namespace FedActors.Actors.Tests.Operations;

/// <summary>The palette at a hub with real hospitals, and its door over HTTP.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class OperatorPaletteTests : IAsyncDisposable
{
    private readonly SmallFederation _federation = new();
    private readonly CancellationTokenSource _patience = new(TimeSpan.FromSeconds(90));

    public async ValueTask DisposeAsync()
    {
        await _federation.DisposeAsync();
        _patience.Dispose();
    }

    [Test]
    public async Task A_job_is_submitted_explained_followed_and_shown()
    {
        var (file, hub) = (_federation.WriteJob(), await StartHub());

        Assert.That((await One(hub, "job submit", file)).Document["new"]!.GetValue<bool>(), Is.True);
        Assert.That((await One(hub, "job submit", file)).Document["new"]!.GetValue<bool>(), Is.False,
            "The same file again is the same job.");
        Assert.That((await One(hub, "rounds explain")).Text,
            Does.Contain("waits for hospitals: 0 are attached, it needs 3")
            .And.Contain("Away: berlin, madrid, paris"));
        Assert.That((await One(hub, "hospitals list")).Text, Does.Contain("never since the hub's start"));
        foreach (var hospital in SmallFederation.Hospitals)
            await _federation.StartHospital(hospital);
        var told = new List<OperatorReply>();
        await foreach (var reply in Run(hub, "rounds watch"))
            told.Add(reply);

        Assert.That(told.Select(reply => reply.Text), Has.Exactly(3).Contains("is committed: 3 hospitals in, 0 out"));
        Assert.That(told[^1].Text, Does.StartWith("Job small: done"));
        Assert.That((await One(hub, "rounds list")).Document["rounds"]!.AsArray(), Has.Count.EqualTo(3));
        var shown = (await One(hub, "job show", "small")).Document;
        Assert.That(shown["stage"]!.GetValue<string>(), Is.EqualTo("done"));
        Assert.That(shown["modelSha256"]!.GetValue<string>(), Is.EqualTo(_federation.ResultOf("small")));
        var explained = await One(hub, "rounds explain", "2");
        Assert.That(explained.Text, Does.Contain("Round 2 of small is committed, attempt 1: 3 hospitals are in.")
            .And.Contain("In:  berlin, madrid, paris"));
        Assert.That((await One(hub, "hospitals list")).Text, Does.Contain("attached"));
        Assert.That((await One(hub, "cluster show")).Text, Does.Contain("coordinator, aggregator")
            .And.Contain("leads"));
        Assert.That((await One(hub, "privacy status")).Document["jobs"]![0]!["mode"]!.GetValue<string>(),
            Is.EqualTo("off"));
    }

    [Test]
    public async Task A_round_without_a_hospital_names_it_its_phase_the_reason_and_what_to_do()
    {
        var file = _federation.WriteJob("short", "cohort { deadline = 1s, attempts = 1 }");
        var hub = await StartHub("patience = 300s");
        await One(hub, "job submit", file);
        foreach (var hospital in SmallFederation.Hospitals.Take(2))
            await _federation.StartHospital(hospital);
        await using (await SiteLine.Attach(_federation.Office, "paris"))
        {
            await foreach (var reply in Run(hub, "rounds watch"))
                if (reply.Text.Contains("ended without a sum", StringComparison.Ordinal))
                    break;

            var explained = await One(hub, "rounds explain", "1");
            Assert.That(explained.Text, Does.Contain("FA-4001")
                .And.Contain("Out: paris, lost while the round was training at the hospitals (Silent).")
                .And.Contain("Do: See 'hospitals list'"));
            Assert.That(explained.Document["failedAttempts"]![0]!["dropped"]![0]!["hospital"]!.GetValue<string>(),
                Is.EqualTo("paris"));
        }
    }

    [Test]
    public async Task A_job_that_is_aborted_ends_and_the_next_one_takes_its_turn()
    {
        var first = _federation.WriteJob("first", "training { rounds = 100000 }");
        var second = _federation.WriteJob("second");
        var hub = await StartHub();
        await One(hub, "job submit", first);
        await One(hub, "job submit", second);
        foreach (var hospital in SmallFederation.Hospitals)
            await _federation.StartHospital(hospital);
        await foreach (var reply in Run(hub, "job watch", "first"))
        {
            if (reply.Text.Contains("is committed", StringComparison.Ordinal))
                await One(hub, "job abort", "first", ("reason", "wrong scaling"));
        }

        Assert.That((await One(hub, "job show", "first")).Text, Does.StartWith("Job first: aborted, wrong scaling"));
        await foreach (var reply in Run(hub, "job watch", "second"))
            if (reply.Document["stage"]?.GetValue<string>() is { } stage)
                Assert.That(stage, Is.EqualTo("done"));
        Assert.That(await Refusal(() => One(hub, "job abort", "second")), Is.EqualTo(FaultNumber.JobIsOver));
    }

    [Test]
    public async Task A_job_that_rests_goes_on_to_the_same_model_also_after_a_restart_of_the_hub()
    {
        var file = _federation.WriteJob(keys: "training { rounds = 40 }");
        var hub = await StartHub();
        await One(hub, "job submit", file);
        Assert.That(await Refusal(() => One(hub, "job export", "small")), Is.EqualTo(FaultNumber.NothingCommitted));
        foreach (var hospital in SmallFederation.Hospitals)
            await _federation.StartHospital(hospital);
        await foreach (var reply in Run(hub, "job watch", "small"))
        {
            if (reply.Text.Contains("is committed", StringComparison.Ordinal))
                await One(hub, "job pause", "small", ("reason", "maintenance"));
            if (reply.Text.Contains("rests until", StringComparison.Ordinal))
                break;
        }
        Assert.That((await One(hub, "job list")).Text, Does.Contain("paused").And.Contain("maintenance"));
        Assert.That((await One(hub, "job pause", "small")).Document["new"]!.GetValue<bool>(), Is.False);

        await _federation.StopAsync("hub");
        hub = await StartHub();
        Assert.That((await One(hub, "job show", "small")).Text, Does.StartWith("Job small: paused, maintenance"));
        Assert.That((await One(hub, "job resume", "small")).Document["new"]!.GetValue<bool>(), Is.True);
        await foreach (var _ in Run(hub, "job watch", "small"))
        {
        }

        var model = await SmallFederation.Simulated(file);
        Assert.That(_federation.ResultOf("small"), Is.EqualTo(model));
        Assert.That(JsonNode.DeepEquals((await One(hub, "job export", "small")).Document,
            JsonNode.Parse(File.ReadAllText(_federation.ResultFile("small")))), Is.True);
        Assert.That(await Refusal(() => One(hub, "job resume", "small")), Is.EqualTo(FaultNumber.JobIsOver));
        var shown = await One(hub, "rounds show", "40");
        Assert.That(shown.Document["modelSha256"]!.GetValue<string>(), Is.EqualTo(model));
        Assert.That(shown.Text, Does.Contain("In:       berlin, madrid, paris").And.Contain("Out:      nobody"));
        Assert.That(await Refusal(() => One(hub, "rounds show", "41")), Is.EqualTo(FaultNumber.RoundUnknown));
    }

    [Test]
    public async Task A_suspended_hospital_is_asked_for_nothing_until_it_is_resumed()
    {
        var file = _federation.WriteJob();
        var hub = await StartHub();
        await One(hub, "job submit", file);
        await One(hub, "hospitals suspend", "paris", ("reason", "new scanner"));
        foreach (var hospital in SmallFederation.Hospitals)
            await _federation.StartHospital(hospital);
        await foreach (var reply in Run(hub, "job watch", "small"))
            if (reply.Text.Contains("2 are attached", StringComparison.Ordinal))
                break;
        Assert.That((await One(hub, "hospitals list")).Document["hospitals"]![2]!["suspended"]!.GetValue<string>(),
            Is.EqualTo("new scanner"));
        Assert.That((await One(hub, "hospitals show", "paris")).Text, Does.StartWith("paris: suspended")
            .And.Contain("Suspended: new scanner").And.Contain("in 0 of 0 committed rounds"));

        await One(hub, "hospitals resume", "paris");
        await foreach (var _ in Run(hub, "job watch", "small"))
        {
        }

        Assert.That((await One(hub, "hospitals show", "paris")).Document["included"]!.GetValue<int>(), Is.EqualTo(3));
        Assert.That((await One(hub, "hospitals resume", "paris")).Document["new"]!.GetValue<bool>(), Is.False);
        Assert.That(await Refusal(() => One(hub, "hospitals suspend", "rome")),
            Is.EqualTo(FaultNumber.UnknownHospital));
        Assert.That(await Refusal(() => One(hub, "hospitals show", "rome")),
            Is.EqualTo(FaultNumber.UnknownHospital));
    }

    [Test]
    public async Task An_accepted_job_and_an_accepted_abort_survive_the_hub()
    {
        var (kept, ended) = (_federation.WriteJob("kept"), _federation.WriteJob("ended"));
        var hub = await StartHub();
        await One(hub, "job submit", ended);
        await One(hub, "job submit", kept);
        await One(hub, "job abort", "ended");
        await _federation.StopAsync("hub");
        hub = await StartHub();
        await foreach (var _ in Run(hub, "job watch", "ended"))
        {
        }

        var jobs = (await One(hub, "job list")).Document["jobs"]!.AsArray();
        Assert.That(jobs.Select(job => $"{job!["job"]} {job["stage"]}"),
            Is.EqualTo((string[])["ended aborted", "kept waiting"]));
    }

    [Test]
    public async Task What_cannot_be_done_is_told_with_its_number()
    {
        var hub = await StartHub();
        var file = _federation.WriteJob();
        Assert.That(await Refusal(() => One(hub, "job show", "small")), Is.EqualTo(FaultNumber.UnknownJob));
        Assert.That(await Refusal(() => One(hub, "job abort", "small")), Is.EqualTo(FaultNumber.UnknownJob));
        Assert.That(await Refusal(() => One(hub, "rounds list")), Is.EqualTo(FaultNumber.UnknownJob));
        await One(hub, "job submit", file);
        Assert.That(await Refusal(() => One(hub, "rounds explain", "7")), Is.EqualTo(FaultNumber.RoundUnknown));
        File.AppendAllText(file, "# changed\n");
        Assert.That(await Refusal(() => One(hub, "job submit", file)), Is.EqualTo(FaultNumber.JobNameTaken));
        File.WriteAllText(file, "job { name = other, patient = 3 }");
        Assert.That(await Refusal(() => One(hub, "job submit", file)), Is.EqualTo(FaultNumber.UnknownKey));
    }

    [Test]
    public async Task The_endpoint_answers_in_JSON_follows_in_events_and_takes_nothing_a_page_could_have_sent()
    {
        var port = SmallFederation.FreePort();
        var file = _federation.WriteJob();
        var node = await _federation.StartHub($"management {{ port = {port} }}");
        await using var endpoint = await ManagementEndpoint.StartAsync(node, PlanOf("hub"));
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}/") };
        var job = new Dictionary<string, string> { ["file"] = File.ReadAllText(file), ["file-path"] = file };

        using var submitted = await http.PostAsJsonAsync("fed/job/submit", job);
        Assert.That(submitted.StatusCode, Is.EqualTo(HttpStatusCode.OK), await submitted.Content.ReadAsStringAsync());
        var listed = JsonNode.Parse(await http.GetStringAsync(new Uri("fed/job/list", UriKind.Relative)))!;
        Assert.That(listed["document"]!["jobs"]![0]!["job"]!.GetValue<string>(), Is.EqualTo("small"));

        using var stream = await http.GetAsync(new Uri("fed/rounds/watch", UriKind.Relative),
            HttpCompletionOption.ResponseHeadersRead, _patience.Token);
        Assert.That(stream.Content.Headers.ContentType!.MediaType, Is.EqualTo("text/event-stream"));
        using var aborted = await http.PostAsJsonAsync("fed/job/abort", new Dictionary<string,
            string>
        { ["name"] = "small" });
        Assert.That(await stream.Content.ReadAsStringAsync(_patience.Token), Does.Contain("waits for hospitals")
            .And.EndsWith("event: end\ndata: {}\n\n"));

        Assert.That(await Status(HttpMethod.Get, "fed/job/abort?name=small"), Is.EqualTo(HttpStatusCode.BadRequest),
            "A look changes nothing.");
        Assert.That(await Status(HttpMethod.Get, "fed/job/lost"), Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That(await Status(HttpMethod.Get, "fed/job/list?x=1"), Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That(await Status(HttpMethod.Get, "fed/job/show"), Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That(await Status(HttpMethod.Get, "fed/job/list", ("Host", "hub.example.org")),
            Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That(await Status(HttpMethod.Get, "fed/job/list", ("Origin", "http://127.0.0.1")),
            Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That(await Status(HttpMethod.Get, "fed/job/list"), Is.EqualTo(HttpStatusCode.OK));

        async Task<HttpStatusCode> Status(HttpMethod method, string path, params (string Name, string Value)[] headers)
        {
            using var request = new HttpRequestMessage(method, path);
            foreach (var (name, value) in headers)
                request.Headers.TryAddWithoutValidation(name, value);
            using var response = await http.SendAsync(request, _patience.Token);
            return response.StatusCode;
        }
    }

    [Test]
    public async Task A_port_in_use_is_told()
    {
        using var holder = new TcpListener(IPAddress.Loopback, 0);
        holder.Start();
        var node = await _federation.StartHub($"management {{ port = {((IPEndPoint)holder.LocalEndpoint).Port} }}");

        Assert.That(await Refusal(() => ManagementEndpoint.StartAsync(node, PlanOf("hub"))),
            Is.EqualTo(FaultNumber.PortInUse));
    }

    [Test]
    public void Every_command_stands_once_and_every_door_can_be_made_from_it()
    {
        Assert.That(OperatorPalette.All.Select(command => $"{command.Group} {command.Name}"), Is.Unique);
        foreach (var command in OperatorPalette.All)
        {
            Assert.That(command.Example, Does.StartWith($"{command.Group} {command.Name}"));
            Assert.That(command.Description, Does.EndWith("."), command.Example);
            Assert.That(command.Arguments.Select(argument => argument.Name), Is.Unique.And.All.Match("^[a-z]+$"));
        }
    }

    private async Task<OperatorHub> StartHub(string section = "") =>
        (await _federation.StartHub(section)).Operators!.Value.Palette;

    private NodePlan PlanOf(string site) => NodeFile.Read(_federation.Office.PathOf(site, "node.conf"));

    private async Task<OperatorReply> One(OperatorHub hub, string words, string? word = null,
        params (string Name, string Value)[] options)
    {
        OperatorReply? only = null;
        await foreach (var reply in Run(hub, words, word, options))
        {
            Assert.That(only, Is.Null, "One answer.");
            only = reply;
        }
        return only!;
    }

    private IAsyncEnumerable<OperatorReply> Run(OperatorHub hub, string words, string? word = null,
        params (string Name, string Value)[] options)
    {
        var command = OperatorPalette.Find(words.Split(' ')[0], words.Split(' ')[1])!;
        var values = options.ToDictionary(option => option.Name, option => option.Value);
        if (word is not null)
        {
            var argument = command.Arguments.First(argument => argument.Kind != ArgumentKind.Option);
            values[argument.Name] = argument.Kind == ArgumentKind.File ? File.ReadAllText(word) : word;
        }
        return command.Run(new OperatorRequest(hub, values), _patience.Token);
    }

    private static async Task<FaultNumber?> Refusal(Func<Task> work)
    {
        try
        {
            await work();
            return null;
        }
        catch (FaultException refused)
        {
            return refused.Faults[0].Number;
        }
    }
}
