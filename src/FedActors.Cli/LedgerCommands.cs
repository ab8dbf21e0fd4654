using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using FedActors.Actors.Configuration;
using FedActors.Actors.Operations.Palette;
using FedActors.Actors.Storage;
using FedActors.Core;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;
using FedActors.Simulation.Results;

namespace FedActors.Cli;

/// <summary><c>fedactors privacy create|status|reconcile</c>: an operator's hand on a hospital's ledger.</summary>
internal static class LedgerCommands
{
    private static Option<string> Ledger =>
        new("--ledger") { Description = "The ledger's file.", Required = true, HelpName = "FILE" };

    private static Option<string> Policy =>
        new("--policy") { Description = "The hospital's policy file.", HelpName = "FILE" };

    public static Command Create(Terminal terminal, Option<bool> json)
    {
        var (ledger, policy) = (Ledger, Policy);
        policy.Required = true;
        var command = new CommandWithExample(
            "create", "Makes the ledger of patients that no job has used yet. A ledger that is there is left alone.",
            "fedactors privacy create --ledger stroke-unit.ledger --policy policy.conf") { ledger, policy };
        command.SetAction(parsed =>
        {
            var (path, rules) = (parsed.GetValue(ledger)!, PolicyFile.Read(parsed.GetValue(policy)!));
            try
            {
                using var made = PrivacyLedgerFile.Create(
                    path, rules.Scope, rules.Rule, isFlushed: true, terminal.Clock.GetUtcNow(), rules.Lifetime);
                Show(terminal, parsed.GetValue(json), made.Ledger, null);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new FaultException(ExitCode.Failed,
                    new Fault(FaultNumber.LedgerUnavailable, $"The ledger cannot be made: {e.Message}", path,
                    "Give a path where no file is, in a folder that can be written."));
            }
            return (int)ExitCode.Done;
        });
        return command;
    }

    public static Command Status(Terminal terminal, Option<bool> json)
    {
        var (ledger, policy, node) = (Ledger, Policy, OperatorCommands.Node);
        ledger.Required = false;
        var command = new CommandWithExample(
            "status",
            "What a ledger's patients have spent, by job, and what is left. Reads the file beside a running hospital. "
                + "Without a ledger: what each job of a hub promises.",
            "fedactors privacy status --ledger stroke-unit.ledger") { ledger, policy, node };
        command.SetAction(async (parsed, cancel) =>
        {
            if (parsed.GetValue(ledger) is not { } path)
                return await OperatorCommands.RunAsync(
                    OperatorPalette.Find("privacy", "status")!, parsed.GetValue(node)!,
                    new Dictionary<string, string>(), terminal,
                    parsed.GetValue(json), cancel);
            var reading = LedgerReading.Of(path);
            var rules = parsed.GetValue(policy) is { } file ? PolicyFile.Read(file) : null;
            if (reading.Ledger is not { } read)
                throw new FaultException(ExitOf(reading.Damage!), reading.Damage!.ToFault(path));
            if (rules is not null && rules.Scope != read.Scope)
                throw new FaultException(new PrivacyRefusal.LedgerOfAnotherScope(rules.Scope, read.Scope)
                    .ToFault(path));
            var refusal = reading.Damage
                ?? (read.Contradiction is { } witnessed ? new PrivacyRefusal.LedgerRollback(read.Head, witnessed)
                    : null);
            Show(terminal, parsed.GetValue(json), read, rules?.Lifetime, refusal);
            if (refusal is not null && !parsed.GetValue(json))
                throw new FaultException(ExitOf(refusal), refusal.ToFault(path));
            return (int)(refusal is null ? ExitCode.Done : ExitOf(refusal));
        });
        return command;
    }

    public static Command Reconcile(Terminal terminal, Option<bool> json)
    {
        var ledger = Ledger;
        var who =
            new Option<string>("--operator")
            {
                Description = "Who answers for it.",
                Required = true,
                HelpName = "NAME"
            };
        var why = new Option<string>("--reason") { Description = "What happened.", Required = true, HelpName = "TEXT" };
        var witness = new Option<string?>("--witness")
        {
            Description =
                "The newest head that a hub or a peer holds: number, hash, epsilon and delta, joined by ':'. Left out: "
                    + "the one the ledger noted.",
            HelpName = "HEAD",
        };
        var shared = new Option<long?>("--shared-up-to")
        {
            Description =
                "Last record that the missing ledger had too, such as the backup's last. Left out: none is trusted, "
                    + "and all of the head is charged.",
            HelpName = "N",
        };
        var epsilon =
            new Option<double>("--epsilon")
            {
                Description = "To be charged besides: what no witness knows of.",
                HelpName = "E"
            };
        var delta = new Option<double>("--delta") { Description = "To be charged besides.", HelpName = "D" };
        var command = new CommandWithExample(
            "reconcile",
            "Accounts for records that a restored, forked or damaged ledger lacks: charges what they may have spent, "
                + "and lets the hospital go on.",
            "fedactors privacy reconcile --ledger stroke-unit.ledger --operator 'Dr. Ode' --reason 'restored after a "
                + "fire' --shared-up-to 60")
        {
            ledger, who, why, witness, shared, epsilon, delta,
        };
        command.SetAction(parsed =>
        {
            var (path, known) =
                (parsed.GetValue(ledger)!, parsed.GetValue(witness) is { } text ? HeadOf(text) : (LedgerHead?)null);
            var charge = new PrivacyBudget(parsed.GetValue(epsilon), parsed.GetValue(delta));
            if (!(charge.Epsilon is >= 0 and <= PrivacyRange.LargestEpsilon && charge.Delta is >= 0 and < 1))
                throw new FaultException(
                    new Fault(FaultNumber.Usage, "A charge is at least 0, its delta below 1.", "command line",
                        "Give --epsilon and --delta."));
            foreach (var option in new[] { who, why })
                if (string.IsNullOrWhiteSpace(parsed.GetValue(option)) || parsed.GetValue(option)!.Length > 1000)
                    throw new FaultException(
                        new Fault(FaultNumber.Usage, $"{option.Name} says nothing, or too much.", "command line",
                            "Use 1 to 1,000 characters."));
            Show(terminal, parsed.GetValue(json), Reconciled(
                path, parsed.GetValue(who)!, parsed.GetValue(why)!, known, parsed.GetValue(shared), charge,
                terminal.Clock.GetUtcNow()), null);
            return (int)ExitCode.Done;
        });
        return command;
    }

    private static PrivacyLedger Reconciled(
        string path, string who, string why, LedgerHead? known, long? shared, PrivacyBudget charge, DateTimeOffset now)
    {
        var reading = LedgerReading.Of(path);
        if (reading is { Damage: PrivacyRefusal.LedgerDamaged damage, Ledger: not null })
        {
            // What the damage took is known to nobody here: to charge nothing for it must be somebody's word.
            if (known is null && charge == default)
                throw new FaultException(
                    new Fault(FaultNumber.LedgerDamaged, $"{damage.What} What is missing is not known.", path,
                    "Give --witness with the newest head anybody holds, or --epsilon and --delta with the most that "
                        + "may be missing."));
            return Try(path, () => PrivacyLedgerFile.Mend(path, who, why, known, charge, now, out _));
        }
        if (reading.Ledger is not { } ledger)
            throw new FaultException(ExitOf(reading.Damage!), reading.Damage!.ToFault(path));
        if (ledger.Contradiction is null && known is null && charge == default)
            throw new FaultException(
                new Fault(FaultNumber.Usage,
                    "The ledger is whole and no witness contradicts it: there is nothing to reconcile.", path,
                "Give --witness, or --epsilon and --delta, to charge what you know is missing."));
        using var file = PrivacyLedgerFile.Open(path, ledger.Scope, isFlushed: true, out var refusal)
            ?? throw new FaultException(ExitOf(refusal!), refusal!.ToFault(path));
        return file.Reconcile(who, why, known, shared, charge, now) is LedgerDecision.Refused refused
            ? throw new FaultException(ExitOf(refused.Reason), refused.Reason.ToFault(path))
            : file.Ledger;
    }

    private static PrivacyLedger Try(string path, Func<PrivacyLedger> mend)
    {
        try
        {
            return mend();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(ExitCode.Failed, new PrivacyRefusal.LedgerUnavailable(e.Message).ToFault(path));
        }
    }

    private static LedgerHead HeadOf(string text)
    {
        var parts = text.Split(':');
        if (parts.Length == 4
            && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var sequence)
            && parts[1].Length == 2 * Digest.Size && parts[1].All(char.IsAsciiHexDigit)
            && double.TryParse(parts[2], NumberStyles.Float, CultureInfo.InvariantCulture, out var epsilon)
            && epsilon >= 0 && double.IsFinite(epsilon)
            && double.TryParse(parts[3], NumberStyles.Float, CultureInfo.InvariantCulture, out var delta)
            && delta is >= 0 and < 1)
            return new LedgerHead(sequence, Digest.Parse(parts[1]), new PrivacyBudget(epsilon, delta));
        throw new FaultException(new Fault(FaultNumber.Usage, $"'{text}' is no head of a ledger.", "--witness",
            "Write number:hash:epsilon:delta, as 'fedactors privacy status' prints it."));
    }

    private static string Text(LedgerHead head) =>
        $"{head.Sequence}:{head.Hash}:{NumberText.Of(head.Spent.Epsilon)}:{NumberText.Of(head.Spent.Delta)}";

    private static void Show(
        Terminal terminal, bool isJson, PrivacyLedger ledger, PrivacyBudget? policy, PrivacyRefusal? refusal = null)
    {
        var cap = policy ?? ledger.Limit;
        if (isJson)
            terminal.OutputText.WriteLine(Document(ledger, cap, refusal).ToJsonString(ResultJson.Indented));
        else
            Print(terminal.OutputText, ledger, cap, policy is null);
    }

    private static JsonObject Document(PrivacyLedger ledger, PrivacyBudget cap, PrivacyRefusal? refusal) => new()
    {
        ["scope"] = ledger.Scope,
        ["spent"] = Pair(ledger.Spent),
        ["cap"] = Pair(cap),
        ["left"] = Pair(Left(ledger, cap)),
        ["roundsLeft"] = ledger.Grants.Sum(grant => grant.Left),
        ["headHash"] = ledger.Head.Hash.ToString(),
        ["headSequence"] = ledger.Head.Sequence,
        ["head"] = Text(ledger.Head),
        ["composition"] = ledger.Rule.RenyiOrder is { } order ? $"renyi order {order}" : "basic",
        ["jobs"] = new JsonArray([.. ledger.Grants.Select(grant => new JsonObject
        {
            ["job"] = grant.Job,
            ["planHash"] = grant.PlanHash.ToString(),
            ["granted"] = grant.At.ToString("O", CultureInfo.InvariantCulture),
            ["epsilon"] = grant.Counts ? grant.Terms.Cost.Epsilon : 0,
            ["delta"] = grant.Counts ? grant.Terms.Cost.Delta : 0,
            ["charged"] = grant.Charged,
            ["roundsLeft"] = grant.Left,
            ["lastRound"] = grant.Round,
        })]),
        ["reconciled"] = new JsonArray([.. ledger.Reconciliations.Select(Pair)]),
        ["refusal"] = refusal?.ToString(),
    };

    private static JsonObject Pair(PrivacyBudget budget) =>
        new() { ["epsilon"] = budget.Epsilon, ["delta"] = budget.Delta };

    private static PrivacyBudget Left(PrivacyLedger ledger, PrivacyBudget cap) =>
        new(Math.Max(0, cap.Epsilon - ledger.Spent.Epsilon), Math.Max(0, cap.Delta - ledger.Spent.Delta));

    private static void Print(TextWriter output, PrivacyLedger ledger, PrivacyBudget cap, bool isOfLedger)
    {
        void Line(string name, string value) => output.WriteLine($"{name,-14}{value}");
        Line("scope", ledger.Scope);
        Line("spent", $"{ledger.Spent}");
        Line("cap", $"{cap}, {(!isOfLedger ? "by the policy"
            : ledger.Grants.Any() ? "when the last grant was made" : "when the ledger was made")}");
        Line("left", $"{Left(ledger, cap)}");
        Line("rounds left", ledger.Grants.Sum(grant => grant.Left).ToString(CultureInfo.InvariantCulture));
        Line("head", Text(ledger.Head));
        foreach (var grant in ledger.Grants)
            Line("job",
                $"{grant.Job}: {(grant.Counts ? $"{grant.Terms.Cost}" : "given back")}, {grant.Charged} of "
                    + $"{grant.Terms.Releases} rounds charged"
                + $"{(grant.IsClosed ? ", closed" : "")}, granted {grant.At:yyyy-MM-dd}");
        foreach (var loss in ledger.Reconciliations)
            Line("reconciled", $"{loss}");
    }

    private static ExitCode ExitOf(PrivacyRefusal refusal) => refusal switch
    {
        PrivacyRefusal.LedgerRollback or PrivacyRefusal.LedgerLocked => ExitCode.Refused,
        PrivacyRefusal.LedgerDamaged => ExitCode.VerificationFailed,
        PrivacyRefusal.LedgerUnavailable => ExitCode.Failed,
        _ => ExitCode.BadInput,
    };
}
