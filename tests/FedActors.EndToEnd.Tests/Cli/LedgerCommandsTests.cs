using System.Globalization;
using System.Text.Json.Nodes;
using FedActors.Actors.Storage;
using FedActors.Cli;
using FedActors.Core;
using FedActors.Core.Identity;
using FedActors.Core.Privacy;

namespace FedActors.EndToEnd.Tests.Cli;

public sealed class LedgerCommandsTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly PrivacyTerms Terms = PrivacyTerms.Of(new DpEvent.SampledGaussian(0.1, 2, 5), 3, 1e-6);

    private StringWriter _output = null!;
    private StringWriter _progress = null!;
    private string _folder = null!;

    private string Ledger => Path.Combine(_folder, "ward.ledger");

    private string Policy => Path.Combine(_folder, "policy.conf");

    [SetUp]
    public void Begin()
    {
        (_output, _progress, _folder) =
            (new StringWriter(), new StringWriter(), Directory.CreateTempSubdirectory().FullName);
        File.WriteAllText(Policy, "policy { scope = ward, nominal-patients = 2000 }");
    }

    [TearDown]
    public void Clean() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task A_new_ledger_has_spent_nothing_and_is_not_made_twice()
    {
        Assert.That(await Run("privacy", "create", "--ledger", Ledger, "--policy", Policy, "--json"), Is.Zero);
        var document = JsonNode.Parse(_output.ToString())!;
        Assert.That((string)document["scope"]!, Is.EqualTo("ward"));
        Assert.That((double)document["spent"]!["epsilon"]!, Is.Zero);
        Assert.That((double)document["cap"]!["epsilon"]!, Is.EqualTo(4));

        Assert.That(await Run("privacy", "create", "--ledger", Ledger, "--policy", Policy),
            Is.EqualTo((int)ExitCode.Failed));
        Assert.That(_progress.ToString(), Does.Contain("FA-6022"));
    }

    [Test]
    public async Task Status_tells_scope_spent_cap_rounds_left_and_head()
    {
        var head = Charged(2);
        Assert.That(await Run("privacy", "status", "--ledger", Ledger, "--json"), Is.Zero);

        var document = JsonNode.Parse(_output.ToString())!;
        Assert.That((double)document["spent"]!["epsilon"]!, Is.EqualTo(Terms.Cost.Epsilon));
        Assert.That((double)document["cap"]!["epsilon"]!, Is.EqualTo(3));
        Assert.That((double)document["left"]!["epsilon"]!, Is.EqualTo(3 - Terms.Cost.Epsilon));
        Assert.That((long)document["roundsLeft"]!, Is.EqualTo(1));
        Assert.That((string)document["headHash"]!, Is.EqualTo(head.Hash.ToString()));
        Assert.That((string)document["jobs"]![0]!["job"]!, Is.EqualTo("stroke"));

        Assert.That(await Run("privacy", "status", "--ledger", Ledger), Is.Zero);
        Assert.That(_output.ToString(),
            Does.Contain("stroke").And.Contain("2 of 3 rounds charged").And.Contain(head.Hash.ToString()));
    }

    [Test]
    public async Task Status_reads_beside_the_hospital_that_writes()
    {
        using var writer =
            PrivacyLedgerFile.Create(Ledger, "ward", new CompositionRule(null, 0), true, Now,
                new PrivacyBudget(3, 1e-5));
        Assert.That(await Run("privacy", "status", "--ledger", Ledger), Is.Zero);
    }

    [Test]
    public async Task A_ledger_that_is_missing_or_damaged_is_told_with_its_number_and_record()
    {
        Assert.That(await Run("privacy", "status", "--ledger", Ledger), Is.EqualTo((int)ExitCode.BadInput));
        Assert.That(_progress.ToString(), Does.Contain("FA-6026"));

        Charged(2);
        File.WriteAllBytes(Ledger, File.ReadAllBytes(Ledger)[..^5]);
        Assert.That(await Run("privacy", "status", "--ledger", Ledger), Is.EqualTo((int)ExitCode.VerificationFailed));
        Assert.That(_progress.ToString(), Does.Contain("FA-6024").And.Contain("record 3"));
    }

    [Test]
    public async Task A_damaged_ledger_goes_on_once_an_operator_says_what_may_be_missing()
    {
        Charged(2);
        File.WriteAllBytes(Ledger, File.ReadAllBytes(Ledger)[..^5]);
        Assert.That(await Reconcile(), Is.EqualTo((int)ExitCode.BadInput));
        Assert.That(_progress.ToString(), Does.Contain("FA-6024").And.Contain("--witness"));

        Assert.That(await Reconcile("--epsilon", "0.5", "--delta", "1e-6"), Is.Zero);
        Assert.That(LedgerReading.Of(Ledger).Ledger!.Spent.Epsilon, Is.EqualTo(Terms.Cost.Epsilon + 0.5).Within(1e-12));
        Assert.That(await Run("privacy", "status", "--ledger", Ledger), Is.Zero);
        Assert.That(File.Exists(Ledger + ".damaged-1"));
    }

    [Test]
    public async Task A_restored_ledger_is_charged_what_the_witnessed_head_had_spent()
    {
        Charged(1);
        var lost = new LedgerHead(9, Digest.Of([9]), new PrivacyBudget(Terms.Cost.Epsilon + 0.75, 2e-6));
        var head =
            string.Create(CultureInfo.InvariantCulture,
                $"{lost.Sequence}:{lost.Hash}:{lost.Spent.Epsilon:R}:{lost.Spent.Delta:R}");
        Assert.That(await Reconcile("--witness", head, "--shared-up-to", "2", "--json"), Is.Zero);

        var document = JsonNode.Parse(_output.ToString())!;
        Assert.That((double)document["spent"]!["epsilon"]!, Is.EqualTo(lost.Spent.Epsilon).Within(1e-12));
        Assert.That((long)document["headSequence"]!, Is.EqualTo(10));
    }

    [Test]
    public async Task There_is_nothing_to_reconcile_in_a_ledger_that_is_whole()
    {
        Charged(1);
        Assert.That(await Reconcile(), Is.EqualTo((int)ExitCode.BadInput));
        Assert.That(await Reconcile("--witness", "nonsense"), Is.EqualTo((int)ExitCode.BadInput));
        Assert.That(await Reconcile("--epsilon", "-1"), Is.EqualTo((int)ExitCode.BadInput));
        Assert.That(
            await Run("privacy", "reconcile", "--ledger", Ledger, "--operator", " ", "--reason", "x", "--epsilon", "1"),
            Is.EqualTo((int)ExitCode.BadInput));
    }

    private Task<int> Reconcile(params string[] more) =>
        Run(["privacy", "reconcile", "--ledger", Ledger, "--operator", "Dr. Ode", "--reason", "a fire", .. more]);

    private LedgerHead Charged(int rounds)
    {
        using var ledger =
            PrivacyLedgerFile.Create(Ledger, "ward", new CompositionRule(null, 0), true, Now,
                new PrivacyBudget(3, 1e-5));
        for (var round = 1; round <= rounds; round++)
            ledger.Charge(new ChargeRequest("stroke", Digest.Of([1]), round, 1, Terms), new PrivacyBudget(3, 1e-5),
                Now);
        return ledger.Ledger.Head;
    }

    private Task<int> Run(params string[] arguments)
    {
        _output.GetStringBuilder().Clear();
        var terminal = new Terminal(
            Terminal.ConsoleOn(_output, plain: true, colours: false),
            Terminal.ConsoleOn(_progress, plain: true, colours: false), IsLive: false,
            _ => null, TimeProvider.System);
        return new CommandLine(terminal, (_, _, _) => throw new InvalidOperationException("Nobody trains here."), [])
            .RunAsync(arguments);
    }
}
