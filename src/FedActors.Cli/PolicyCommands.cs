using System.CommandLine;
using System.Text.Json.Nodes;
using FedActors.Actors.Configuration;
using FedActors.Actors.Storage;
using FedActors.Core;
using FedActors.Core.Federation;
using FedActors.Core.Participation;
using FedActors.Core.Privacy;
using FedActors.Simulation.Results;

namespace FedActors.Cli;

/// <summary><c>fedactors policy</c>: what a hospital's policy says about a job, before the job is submitted.</summary>
internal static class PolicyCommands
{
    public static Command Create(Terminal terminal, Option<bool> json) =>
        new("policy", "What a hospital allows.") { Test(terminal, json) };

    private static CommandWithExample Test(Terminal terminal, Option<bool> json)
    {
        var policy =
            new Option<string>("--policy")
            {
                Description = "The hospital's policy file.",
                Required = true,
                HelpName = "FILE"
            };
        var job =
            new Option<string>("--job")
            {
                Description = "The job's HOCON file.",
                Required = true,
                HelpName = "JOB.conf"
            };
        var ledger =
            new Option<string?>(
                "--ledger")
            {
                Description = "The hospital's ledger. Left out: as if nothing was spent yet.",
                HelpName = "FILE"
            };
        var question = new JobQuestion();
        var command = new CommandWithExample(
            "test",
            "Judges a job by every rule of a policy. Exit code 0: the hospital would take part; 2: it would not.",
            "fedactors policy test --policy policy.conf --job samples/breast-tumour/job.conf") { policy, job, ledger };
        question.AddTo(command);
        command.SetAction(parsed =>
        {
            var rules = PolicyFile.Read(parsed.GetValue(policy)!);
            var (plan, size) = question.Read(parsed, parsed.GetValue(job)!);
            var hash = PlanHash.Of(plan);
            var terms = plan.Privacy.Mode == PrivacyMode.Off ? null
                : size is { } known ? JobPrivacy.Terms(plan, known.Hospitals) : JobPrivacy.Terms(plan);
            RuleVerdict[] verdicts =
            [
                .. PolicyRules.Judge(rules, plan, hash, terms, size?.Hospitals),
                .. terms is null ? []
                : new[] { Budget(rules, plan, terms, parsed.GetValue(ledger), terminal.Clock.GetUtcNow()) },
            ];
            var isAllowed = verdicts.All(verdict => verdict.Refusal is null);
            if (parsed.GetValue(json))
                terminal.OutputText.WriteLine(Document(rules, plan, isAllowed, verdicts)
                    .ToJsonString(ResultJson.Indented));
            else
                Print(terminal.OutputText, rules, plan, size is not null, isAllowed, verdicts);
            return (int)(isAllowed ? ExitCode.Done : ExitCode.Refused);
        });
        return command;
    }

    // What the ledger would answer to the job's first round.
    private static RuleVerdict Budget(
        HospitalPolicy rules, JobPlan plan, PrivacyTerms terms, string? path, DateTimeOffset now)
    {
        var reading = path is null
            ? new LedgerReading(PrivacyLedger.From(PrivacyLedger.Open(rules.Scope, rules.Rule, rules.Lifetime, now)),
                null, 0)
            : LedgerReading.Of(path);
        var decision = reading.Damage is not null || reading.Ledger!.Scope != rules.Scope
            ? new LedgerDecision.Refused(reading.Damage
                ?? new PrivacyRefusal.LedgerOfAnotherScope(rules.Scope, reading.Ledger!.Scope))
            : reading.Ledger!.Charge(new ChargeRequest(plan.Name, PlanHash.Of(plan), 1, 1, terms), rules.Lifetime, now);
        return new RuleVerdict(
            "epsilon-lifetime",
            $"{terms.Cost}, with {reading.Ledger?.Spent.ToString() ?? "an unknown part"} spent before",
            $"at most {rules.Lifetime}",
            (decision as LedgerDecision.Refused)?.Reason);
    }

    private static JsonObject Document(HospitalPolicy rules, JobPlan plan, bool isAllowed, RuleVerdict[] verdicts) =>
        new()
        {
            ["allowed"] = isAllowed,
            ["scope"] = rules.Scope,
            ["job"] = plan.Name,
            ["planHash"] = PlanHash.Of(plan).ToString(),
            ["rules"] = new JsonArray([.. verdicts.Select(verdict => new JsonObject
        {
            ["rule"] = verdict.Rule,
            ["holds"] = verdict.Refusal is null,
            ["asked"] = verdict.Asked,
            ["allowed"] = verdict.Allowed,
            ["refusal"] = verdict.Refusal?.ToString(),
        })]),
        };

    private static void Print(
        TextWriter output, HospitalPolicy rules, JobPlan plan, bool isWhole, bool isAllowed, RuleVerdict[] verdicts)
    {
        foreach (var verdict in verdicts)
            output.WriteLine(
                $"{(verdict.Refusal is null ? "holds" : verdict.Refusal.Number.Code()),-8} {verdict.Rule,-28} "
                + $"the policy asks for {verdict.Allowed}; the job has {verdict.Asked}");
        output.WriteLine();
        var broken = verdicts.Count(verdict => verdict.Refusal is not null);
        output.WriteLine(isAllowed
            ? $"'{rules.Scope}' takes part in '{plan.Name}'."
            : $"'{rules.Scope}' does not take part in '{plan.Name}': "
                + $"{broken} of {verdicts.Length} rules {(broken == 1 ? "does" : "do")} not hold.");
        output.WriteLine(
            $"plan hash {PlanHash.Of(plan)}{(isWhole ? "" : ", as far as the job file tells: patients and features change it")}");
    }
}
