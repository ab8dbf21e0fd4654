using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using FedActors.Actors.Operations;
using FedActors.Actors.Provisioning;
using FedActors.Actors.Storage;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core.Privacy;
using Microsoft.Extensions.Time.Testing;

namespace FedActors.Actors.Tests.Operations;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[Platform(Exclude = "Win")]
[UnsupportedOSPlatform("windows")]
public sealed class DoctorTests : IAsyncDisposable
{
    private readonly SmallFederation _federation = new();

    public ValueTask DisposeAsync() => _federation.DisposeAsync();

    [Test]
    public async Task A_hub_that_can_start_is_ready_and_one_that_runs_is_not_disturbed()
    {
        var file = Hub();
        Assert.That(await Examine(file), Has.None.Matches<Finding>(finding => finding.Health == Health.Fail));
        var node = await _federation.StartHub("");

        var findings = await Examine(file);

        Assert.That(findings, Has.None.Matches<Finding>(finding => finding.Health == Health.Fail));
        Assert.That(Of(findings, "data folder").What, Does.Contain("a node runs on it"));
        Assert.That(Of(findings, "journal").What, Does.Contain("SQLite in WAL mode, every commit flushed"));
        Assert.That(node.WhenEnded.IsCompleted, Is.False);
    }

    [Test]
    public async Task A_hospital_is_told_whether_its_hub_answers()
    {
        var hub = await _federation.StartHub("");
        await _federation.StartHospital("berlin");
        var file = _federation.Office.PathOf("berlin", "node.conf");
        Assert.That(Of(await Examine(file), "way to the hub").Health, Is.EqualTo(Health.Ok));
        Assert.That(Of(await Examine(file), "patients").What, Is.EqualTo("8 to train on"));
        await _federation.StopAsync("hub");

        var away = Of(await Examine(file), "way to the hub");

        Assert.That((away.Health, away.Code), Is.EqualTo((Health.Warn, "FA-7101")));
        Assert.That(hub, Is.Not.Null);
    }

    [Test]
    public async Task A_port_that_another_holds_is_told()
    {
        using var holder = new TcpListener(IPAddress.Loopback, _federation.Office.Port);
        holder.Start();

        Assert.That(Code(await Examine(Hub()), "hospitals' port"), Is.EqualTo("fail FA-7023"));
        Assert.That(Code(await Examine(_federation.WriteHub($"model-port = {_federation.Office.Port}")),
            "port for models"), Is.EqualTo("fail FA-7023"));
    }

    [Test]
    public async Task A_key_that_others_can_read_is_told_and_so_is_a_kit_that_was_changed()
    {
        var (file, office) = (Hub(), _federation.Office);
        File.SetUnixFileMode(office.KeyOf("hub"),
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        Assert.That(Code(await Examine(file), "key and certificate"), Is.EqualTo("fail FA-7019"));
        File.AppendAllText(Path.Combine(office.KitOf("hub"), Kit.CertificateFile), "\n");
        Assert.That(Code(await Examine(file), "kit"), Is.EqualTo("fail FA-7013"));
    }

    [TestCase(-1, "clock", "fail FA-7099")]
    [TestCase(-1, "key and certificate", "fail FA-7015")]
    [TestCase(70, "certificate's end", "warn FA-7030")]
    [TestCase(91, "key and certificate", "fail FA-7015")]
    public async Task A_clock_that_is_off_and_a_certificate_that_ends_are_told(int days, string check, string expected)
    {
        var clock = new FakeTimeProvider(TimeProvider.System.GetUtcNow().AddDays(days));

        Assert.That(Code(await new Doctor(clock).ExamineAsync(Hub()), check), Is.EqualTo(expected));
    }

    [Test]
    public async Task A_clock_that_nobody_keeps_in_step_is_a_warning()
    {
        var (file, mark) = (Hub(), _federation.Office.PathOf("mark"));
        Assert.That(Code(await Examine(file, mark), "clock"), Is.EqualTo("warn FA-7099"));
        File.WriteAllText(mark, "");
        Assert.That(Code(await Examine(file, mark), "clock"), Is.EqualTo("ok"));
    }

    [Test]
    public async Task A_journal_that_is_no_database_is_told()
    {
        var file = Hub();
        Directory.CreateDirectory(_federation.Office.PathOf("hub", "state"));
        File.WriteAllText(_federation.Office.PathOf("hub", "state", "state.db"), new string('x', 5000));

        Assert.That(Code(await Examine(file), "journal"), Is.EqualTo("fail FA-3004"));
    }

    [Test]
    public async Task A_file_that_is_wrong_is_told_whole_and_nothing_else_is_looked_at()
    {
        var findings = await Examine(_federation.Office.NodeFile("hub", "hub { patience = 30, lissten = x }"));

        Assert.That(findings.Select(finding => finding.Check), Is.EqualTo((string[])["node file", "node file"]));
        Assert.That(findings.Select(finding => finding.Fix), Has.None.Empty);
    }

    [Test]
    [Platform(Include = "Linux")]
    [SupportedOSPlatform("linux")]
    public async Task A_hub_on_a_server_is_told_whether_it_answers_and_whether_it_keeps_what_it_is_given()
    {
        using var server = Postgres.Start();
        server.CreateDatabase("hub");
        var file = _federation.WriteHub("", server.Section("hub"));
        var well = Of(await Examine(file), "journal");
        Assert.That(well.Health, Is.EqualTo(Health.Ok), well.What);
        Assert.That(well.What, Does.StartWith("PostgreSQL ").And.EndWith("database 'hub', every commit flushed"));
        Assert.That(Code(await Examine(_federation.WriteHub("", server.Section("none"))), "journal"),
            Is.EqualTo("fail FA-7132"));
        server.Kill();

        Assert.That(Code(await Examine(file), "journal"), Is.EqualTo("fail FA-7130"));
    }

    [Test]
    public async Task A_hospitals_policy_and_ledger_are_told_and_so_is_who_holds_the_ledger()
    {
        var office = _federation.Office;
        var file = _federation.WriteHospital("berlin", section: "privacy { policy = policy.conf, ledger = l.ledger }");
        Assert.That(Code(await Examine(file), "policy file"), Does.StartWith("fail FA-"));
        File.WriteAllText(office.PathOf("berlin", "policy.conf"), "policy { scope = ward, nominal-patients = 8 }");
        Assert.That(Code(await Examine(file), "policy file"), Is.EqualTo("ok"));
        Assert.That(Code(await Examine(file), "privacy ledger"), Is.EqualTo("fail FA-6026"));
        var path = office.PathOf("berlin", "l.ledger");
        using (PrivacyLedgerFile.Create(path, "ward", new CompositionRule(null, 0), isFlushed: false,
            TimeProvider.System.GetUtcNow()))
            Assert.That(Code(await Examine(file), "privacy ledger"), Is.EqualTo("fail FA-6023"));
        Assert.That(Of(await Examine(file), "privacy ledger").What, Is.EqualTo("whole, and nobody else holds it"));
        File.AppendAllText(path, "x");

        Assert.That(Code(await Examine(file), "privacy ledger"), Is.EqualTo("fail FA-6024"));
    }

    private string Hub() => _federation.Office.NodeFile("hub", "hub { }");

    private static Task<IReadOnlyList<Finding>> Examine(string file, string? mark = null) =>
        new Doctor(TimeProvider.System) { ClockMark = mark ?? "/nowhere" }.ExamineAsync(file);

    private static Finding Of(IEnumerable<Finding> findings, string check) =>
        findings.First(finding => finding.Check == check);

    private static string Code(IEnumerable<Finding> findings, string check)
    {
        var finding = Of(findings, check);
        return $"{finding.Health.ToString().ToLowerInvariant()} {finding.Code}".TrimEnd();
    }
}
