using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using FedActors.Actors.Configuration;
using FedActors.Core;
using FedActors.Core.Federation;
using FedActors.Core.Rounds;

namespace FedActors.Actors.Operations.Palette;

/// <summary>Every command an operator has at a hub.</summary>
public static class OperatorPalette
{
    private static readonly TimeSpan Rhythm = TimeSpan.FromMilliseconds(250);

    private static readonly OperatorArgument Job =
        new("job", "NAME", "Which job. Left out: the one whose turn it is, else the last.", ArgumentKind.Option);

    private static readonly OperatorArgument NameOfJob = new("name", "NAME", "The job's name.",
        ArgumentKind.Word)
    { IsRequired = true };

    private static readonly OperatorArgument NameOfHospital = new("name", "NAME", "The hospital's name.",
        ArgumentKind.Word)
    { IsRequired = true };

    private static readonly OperatorArgument Reason =
        new("reason", "TEXT", "Why, for whoever reads the journal.", ArgumentKind.Option);

    public static ImmutableArray<OperatorCommand> All { get; } =
    [
        new("job", "submit",
            "Gives the hub a job to train. The same file again changes nothing, or goes on with a job that failed.",
            "job submit samples/breast-tumour/job.conf")
        {
            Arguments = [new("file", "JOB.conf", "The job's file.", ArgumentKind.File) { IsRequired = true }],
            IsChange = true,
            Run = (request, cancel) => Once(SubmitAsync(request, cancel)),
        },
        new("job", "list", "The hub's jobs, in the order in which they came, and where each stands.", "job list")
        {
            Run = (request, cancel) => Once(ListAsync(request, cancel)),
        },
        new("job", "show", "One job: where it stands, what it asks for, what it has committed.",
            "job show breast-tumour")
        {
            Arguments = [NameOfJob],
            Run = (request, cancel) => Once(ShowAsync(request, cancel)),
        },
        new("job", "watch", "Follows a job's rounds until it ends.", "job watch breast-tumour")
        {
            Arguments = [NameOfJob],
            IsStream = true,
            Run = (request, cancel) => WatchAsync(request.Hub, request.Get("name"), cancel),
        },
        new("job", "abort", "Ends a job. What it has committed stays; its open round ends without a sum.",
            "job abort breast-tumour --reason \"wrong scaling\"")
        {
            Arguments = [NameOfJob, Reason],
            IsChange = true,
            Run = (request, cancel) => Once(ChangeAsync(request,
                new JobDesk.Abort(request.Get("name")!, ReasonOf(request)),
                job => $"Job '{job}' ends when its open round has ended.",
                job => $"Job '{job}' is ended, or about to be: nothing is changed.", cancel)),
        },
        new("job", "pause",
            "Lets a job rest. What it has committed stays; its open round ends without a sum. It keeps its turn.",
            "job pause breast-tumour --reason \"maintenance on Sunday\"")
        {
            Arguments = [NameOfJob, Reason],
            IsChange = true,
            Run = (request, cancel) => Once(ChangeAsync(request,
                new JobDesk.Pause(request.Get("name")!, ReasonOf(request)),
                job => $"Job '{job}' rests when its open round has ended.",
                job => $"Job '{job}' rests already: nothing is changed.", cancel)),
        },
        new("job", "resume", "Lets a job that rests go on from its last committed round.",
            "job resume breast-tumour")
        {
            Arguments = [NameOfJob],
            IsChange = true,
            Run = (request, cancel) => Once(ChangeAsync(request, new JobDesk.Resume(request.Get("name")!),
                job => $"Job '{job}' goes on.", job => $"Job '{job}' does not rest: nothing is changed.", cancel)),
        },
        new("job", "export",
            "Prints a job's model as JSON: the one it ended with, or the newest that it has committed.",
            "job export breast-tumour")
        {
            Arguments = [NameOfJob],
            Run = (request, cancel) => Once(ExportAsync(request, cancel)),
        },
        new("rounds", "list", "A job's committed rounds and its attempts that ended without a sum.",
            "rounds list --job breast-tumour")
        {
            Arguments = [Job],
            Run = (request, cancel) => Once(RoundsAsync(request, cancel)),
        },
        new("rounds", "watch", "Follows a job's rounds until it ends.", "rounds watch")
        {
            Arguments = [Job],
            IsStream = true,
            Run = (request, cancel) => WatchAsync(request.Hub, request.Get("job"), cancel),
        },
        new("rounds", "show", "One committed round: who is in, who is out, its loss, bytes, time and model.",
            "rounds show 12")
        {
            Arguments =
            [
                new("round", "N", "Which round.", ArgumentKind.Word) { IsRequired = true },
                Job,
            ],
            Run = (request, cancel) => Once(RoundAsync(request, cancel)),
        },
        new("rounds", "explain", "A round in words: who is in, who is out, in which phase and why, and what to do.",
            "rounds explain 12")
        {
            Arguments =
            [
                new("round", "N", "Which round. Left out: the open one, else the last.", ArgumentKind.Word),
                Job,
            ],
            Run = (request, cancel) => Once(ExplainAsync(request, cancel)),
        },
        new("hospitals", "list", "The federation's hospitals: who is attached, and when each was heard last.",
            "hospitals list")
        {
            Run = (request, cancel) => Once(HospitalsAsync(request, cancel)),
        },
        new("hospitals", "show", "One hospital: its state, and what became of it in a job's rounds.",
            "hospitals show berlin")
        {
            Arguments = [NameOfHospital, Job],
            Run = (request, cancel) => Once(HospitalAsync(request, cancel)),
        },
        new("hospitals", "suspend", "Leaves a hospital out of the rounds until it is resumed.",
            "hospitals suspend berlin --reason \"new scanner\"")
        {
            Arguments = [NameOfHospital, Reason],
            IsChange = true,
            Run = (request, cancel) => Once(ChangeAsync(request,
                new JobDesk.Suspend(request.Get("name")!, ReasonOf(request)),
                hospital => $"No round asks '{hospital}' any more.",
                hospital => $"'{hospital}' is suspended already: nothing is changed.", cancel)),
        },
        new("hospitals", "resume", "Takes a suspended hospital into the rounds again.", "hospitals resume berlin")
        {
            Arguments = [NameOfHospital],
            IsChange = true,
            Run = (request, cancel) => Once(ChangeAsync(request, new JobDesk.Suspend(request.Get("name")!, null),
                hospital => $"Rounds ask '{hospital}' again.",
                hospital => $"'{hospital}' is not suspended: nothing is changed.", cancel)),
        },
        new("cluster", "show", "The hub's nodes, their roles, and which of them leads.", "cluster show")
        {
            Run = (request, _) => Once(Task.FromResult(Cluster(request))),
        },
        new("privacy", "status",
            "What each job promises to every patient. What a hospital has spent stands in its own ledger.",
            "privacy status")
        {
            Run = (request, cancel) => Once(PrivacyAsync(request, cancel)),
        },
    ];

    public static OperatorCommand? Find(string group, string name) =>
        All.FirstOrDefault(command => command.Group == group && command.Name == name);

    private static async Task<OperatorReply> SubmitAsync(OperatorRequest request, CancellationToken cancel)
    {
        var where = request.Get(OperatorRequest.PathOf("file")) ?? "job file";
        var accepted = await request.Hub.AskAsync<JobDesk.Accepted>(new JobDesk.Submit(request.Get("file")!, where,
            false), cancel);
        return new OperatorReply(
            new JsonObject { ["job"] = accepted.Job, ["accepted"] = true, ["new"] = accepted.WasNew },
            accepted.WasNew ? $"Job '{accepted.Job}' is accepted."
                : $"Job '{accepted.Job}' was accepted before: nothing is changed.");
    }

    // A change of a job or a hospital: the first word is its kind's name in the document.
    private static async Task<OperatorReply> ChangeAsync(
        OperatorRequest request, object asked, Func<string, string> done, Func<string, string> known,
        CancellationToken cancel)
    {
        var accepted = await request.Hub.AskAsync<JobDesk.Accepted>(asked, cancel);
        return new OperatorReply(
            new JsonObject
            {
                [asked is JobDesk.Suspend ? "hospital" : "job"] = accepted.Job,
                ["new"] = accepted.WasNew,
            },
            accepted.WasNew ? done(accepted.Job) : known(accepted.Job));
    }

    private static string ReasonOf(OperatorRequest request) =>
        request.Get("reason") is { Length: > 0 } text ? text : "An operator wants it so.";

    private static async Task<OperatorReply> ExportAsync(OperatorRequest request, CancellationToken cancel)
    {
        var job = await request.Hub.JobAsync(request.Get("name"), cancel);
        var committed = (await request.Hub.RecordsAsync(job.Job.Name, cancel)).Committed;
        if (committed.IsEmpty || job.Plan is not { } plan)
            throw new FaultException(ExitCode.NotReady, new Fault(FaultNumber.NothingCommitted,
                $"Job '{job.Job.Name}' has no model yet.", job.Job.Name, "Wait until it has committed a round."));
        var round = job.Stage == JobStage.Done
            ? ModelSelection.Kept(committed, plan.Evaluation)
            : committed[^1].Id.Round;
        var model = await request.Hub.ModelAsync(job, round, cancel);
        var document = JobDesk.ResultOf(
            job.Job.Name, round, model.Hash, plan.Model.Features, model.Parameters);
        return new OperatorReply(document, document.ToJsonString());
    }

    private static async Task<OperatorReply> RoundAsync(OperatorRequest request, CancellationToken cancel)
    {
        var job = await request.Hub.JobAsync(request.Get("job"), cancel);
        var committed = (await request.Hub.RecordsAsync(job.Job.Name, cancel)).Committed;
        if (!int.TryParse(request.Get("round"), NumberStyles.None, CultureInfo.InvariantCulture, out var round)
            || round < 1 || round > committed.Length)
            throw new FaultException(new Fault(FaultNumber.RoundUnknown,
                $"Job '{job.Job.Name}' has committed no round '{request.Get("round")}'.", job.Job.Name,
                $"It has committed {committed.Length}; 'rounds explain' tells of the open one."));
        return RoundReport.Show(committed[round - 1]);
    }

    private static async Task<OperatorReply> HospitalAsync(OperatorRequest request, CancellationToken cancel)
    {
        var view = await request.Hub.ViewAsync(cancel);
        var one = view.Hospitals.FirstOrDefault(known => known.Hospital.ToString() == request.Get("name"))
            ?? throw new FaultException(new Fault(FaultNumber.UnknownHospital,
                $"There is no hospital '{request.Get("name")}'.", "",
                $"There are: {string.Join(", ", view.Hospitals.Select(known => known.Hospital))}."));
        var document = Document(one);
        var lines = new List<string>
        {
            $"{one.Hospital}: {State(one)}, last heard {RoundReport.Ago(one.LastHeard, request.Hub.Clock.GetUtcNow())}",
        };
        if (one.Suspended is { } why)
            lines.Add($"Suspended: {why}");
        if (!view.Jobs.IsEmpty)
        {
            var job = await request.Hub.JobAsync(request.Get("job"), cancel);
            var records = await request.Hub.RecordsAsync(job.Job.Name, cancel);
            var included = records.Committed.Count(record => record.Included.Contains(one.Hospital));
            var lost = records.Committed.SelectMany(record => record.Dropped)
                .Concat(records.Failures.SelectMany(failure => failure.Dropped))
                .Where(drop => drop.Hospital == one.Hospital)
                .GroupBy(drop => drop.Reason).OrderBy(reason => reason.Key).ToArray();
            document["job"] = job.Job.Name;
            document["included"] = included;
            document["lost"] = new JsonObject(
                lost.Select(reason => KeyValuePair.Create($"{reason.Key}", (JsonNode?)reason.Count())));
            lines.Add($"Job {job.Job.Name}: in {included} of {records.Committed.Length} committed rounds");
            lines.AddRange(lost.Select(reason => $"Out {reason.Count()} times: {reason.Key}. "
                + RoundWords.Of(reason.Key).What));
        }
        return new OperatorReply(document, string.Join('\n', lines));
    }

    private static async Task<OperatorReply> ListAsync(OperatorRequest request, CancellationToken cancel)
    {
        var jobs = (await request.Hub.ViewAsync(cancel)).Jobs;
        var table = TextTable.Of(["JOB", "STAGE", "SUBMITTED", "REASON"],
            jobs.Select(job => (string[])[job.Job.Name, Word(job.Stage), Time(job.Job.SubmittedAt), job.Job.Reason]));
        return new OperatorReply(
            new JsonObject { ["jobs"] = new JsonArray([.. jobs.Select(Document)]) }, jobs.IsEmpty ? "There is no job."
                : table);
    }

    private static async Task<OperatorReply> ShowAsync(OperatorRequest request, CancellationToken cancel)
    {
        var job = await request.Hub.JobAsync(request.Get("name"), cancel);
        var records = await request.Hub.RecordsAsync(job.Job.Name, cancel);
        var document = Document(job);
        document["committedRounds"] = records.Committed.Length;
        document["failedAttempts"] = records.Failures.Length;
        document["modelSha256"] = records.Committed.IsEmpty ? null : records.Committed[^1].Model.ToString();
        var lines = new List<string>
        {
            $"Job {job.Job.Name}: {Word(job.Stage)}{(job.Job.Reason.Length > 0 ? $", {job.Job.Reason}" : "")}",
            $"Submitted {Time(job.Job.SubmittedAt)}",
        };
        if (job.Plan is { } plan)
            lines.AddRange(
            [
                $"{plan.Training.Rounds} rounds of {Names.Of(plan.Training.Algorithm)}, at least {plan.Cohort.Minimum} "
                    + "hospitals in each",
                $"Secure sums: {(plan.SecureAggregation.Enabled ? "on" : "off: the hub reads every update")}",
                $"Privacy: {Names.Of(plan.Privacy.Mode)}",
                $"Plan hash {PlanHash.Of(plan)}",
            ]);
        lines.Add(
            $"Committed: {records.Committed.Length} rounds; {records.Failures.Length} attempts ended without a sum");
        if (!records.Committed.IsEmpty)
            lines.Add($"Newest model: {records.Committed[^1].Model}");
        return new OperatorReply(document, string.Join('\n', lines));
    }

    private static async Task<OperatorReply> RoundsAsync(OperatorRequest request, CancellationToken cancel)
    {
        var job = await request.Hub.JobAsync(request.Get("job"), cancel);
        var records = await request.Hub.RecordsAsync(job.Job.Name, cancel);
        var rows = records.Committed.Select(record => (record.Id, Row: RoundReport.Row(record)))
            .Concat(records.Failures.Select(failure => (failure.Id, Row: RoundReport.Row(failure))))
            .OrderBy(row => row.Id.Round).ThenBy(row => row.Id.Attempt);
        return new OperatorReply(
            new JsonObject
            {
                ["job"] = job.Job.Name,
                ["rounds"] = new JsonArray([.. records.Committed.Select(RoundReport.Document)]),
                ["failedAttempts"] = new JsonArray([.. records.Failures.Select(RoundReport.Document)]),
            },
            TextTable.Of(["ROUND", "ATTEMPT", "IN", "OUT", "LOSS", "RESULT"], rows.Select(row => row.Row)));
    }

    private static async Task<OperatorReply> ExplainAsync(OperatorRequest request, CancellationToken cancel)
    {
        var view = await request.Hub.ViewAsync(cancel);
        var job = await request.Hub.JobAsync(request.Get("job"), cancel);
        var records = await request.Hub.RecordsAsync(job.Job.Name, cancel);
        var open = await request.Hub.RoundAsync(job, cancel);
        var asked = request.Get("round");
        var round = asked is null ? open?.Id.Round ?? records.Committed.Length + (job.Stage == JobStage.Done ? 0 : 1)
            : int.TryParse(asked, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
        if (asked is not null && (round < 1 || round > records.Committed.Length + 1))
            throw new FaultException(new Fault(FaultNumber.RoundUnknown,
                $"Job '{job.Job.Name}' has no round '{asked}'.", job.Job.Name,
                $"It has committed {records.Committed.Length}; the next is {records.Committed.Length + 1}."));
        return RoundReport.Explain(view, job, round, records, open, request.Hub.Clock.GetUtcNow());
    }

    private static async Task<OperatorReply> HospitalsAsync(OperatorRequest request, CancellationToken cancel)
    {
        var (hospitals, now) = ((await request.Hub.ViewAsync(cancel)).Hospitals, request.Hub.Clock.GetUtcNow());
        return new OperatorReply(
            new JsonObject
            {
                ["hospitals"] = new JsonArray([.. hospitals.Select(Document)]),
            },
            TextTable.Of(["HOSPITAL", "STATE", "LAST HEARD"], hospitals.Select(one => (string[])
                [one.Hospital.ToString(), State(one), RoundReport.Ago(one.LastHeard, now)])));
    }

    private static JsonObject Document(JobDesk.HospitalView one) => new()
    {
        ["hospital"] = one.Hospital.ToString(),
        ["attached"] = one.IsAttached,
        ["suspended"] = one.Suspended,
        ["lastHeard"] = one.LastHeard?.ToString("O", CultureInfo.InvariantCulture),
    };

    private static string State(JobDesk.HospitalView one) =>
        one.Suspended is not null ? "suspended" : one.IsAttached ? "attached" : "away";

    private static OperatorReply Cluster(OperatorRequest request)
    {
        var nodes = request.Hub.Nodes();
        return new OperatorReply(
            new JsonObject
            {
                ["nodes"] = new JsonArray([.. nodes.Select(node => new JsonObject
                {
                    ["address"] = node.Address,
                    ["roles"] = new JsonArray([.. node.Roles.Select(role => JsonValue.Create(role))]),
                    ["status"] = node.Status,
                    ["leads"] = node.IsLeader,
                })]),
            },
            TextTable.Of(["NODE", "ROLES", "STATUS", ""], nodes.Select(node => (string[])
                [node.Address, string.Join(", ", node.Roles), node.Status, node.IsLeader ? "leads" : ""])));
    }

    private static async Task<OperatorReply> PrivacyAsync(OperatorRequest request, CancellationToken cancel)
    {
        var jobs = (await request.Hub.ViewAsync(cancel)).Jobs.Where(job => job.Plan is not null).ToArray();
        return new OperatorReply(
            new JsonObject
            {
                ["jobs"] = new JsonArray([.. jobs.Select(job => new JsonObject
                {
                    ["job"] = job.Job.Name,
                    ["mode"] = Names.Of(job.Plan!.Privacy.Mode),
                    ["promise"] = Promise(job.Plan),
                    ["secureSums"] = job.Plan.SecureAggregation.Enabled,
                })]),
            },
            jobs.Length == 0
                ? "There is no job."
                : TextTable.Of(["JOB", "MODE", "PROMISE OF THE WHOLE JOB", "SECURE SUMS"], jobs.Select(job => (string[])
                    [job.Job.Name, Names.Of(job.Plan!.Privacy.Mode), Promise(job.Plan),
                        job.Plan.SecureAggregation.Enabled ? "on" : "off"])));
    }

    // Rounded up: a promise is never told smaller than it is.
    private static string Promise(JobPlan plan) => plan.Privacy.Mode == PrivacyMode.Off
        ? "none"
        : JobPrivacy.Terms(plan).Cost.ToString();

    private static async IAsyncEnumerable<OperatorReply> WatchAsync(
        OperatorHub hub, string? name, [EnumeratorCancellation] CancellationToken cancel)
    {
        var (committed, failures, told) = (0, 0, "");
        var job = await hub.JobAsync(name, cancel);
        while (true)
        {
            job = await hub.JobAsync(job.Job.Name, cancel);
            var records = await hub.RecordsAsync(job.Job.Name, cancel);
            for (; failures < records.Failures.Length; failures++)
                yield return RoundReport.Line(records.Failures[failures]);
            for (; committed < records.Committed.Length; committed++)
                yield return RoundReport.Line(records.Committed[committed]);
            if (job.Stage.IsOver())
            {
                yield return new OperatorReply(Document(job),
                    $"Job {job.Job.Name}: {Word(job.Stage)}, {job.Job.Reason}");
                yield break;
            }
            var now = RoundReport.Now(await hub.ViewAsync(cancel), job, await hub.RoundAsync(job, cancel));
            if (now.Text != told)
                yield return now;
            told = now.Text;
            await Task.Delay(Rhythm, hub.Clock, cancel);
        }
    }

    private static async IAsyncEnumerable<OperatorReply> Once(Task<OperatorReply> reply)
    {
        yield return await reply;
    }

    private static JsonObject Document(JobDesk.JobView job) => new()
    {
        ["job"] = job.Job.Name,
        ["stage"] = Word(job.Stage),
        ["reason"] = job.Job.Reason,
        ["submittedAt"] = job.Job.SubmittedAt.ToString("O", CultureInfo.InvariantCulture),
        ["rounds"] = job.Plan?.Training.Rounds,
        ["planHash"] = job.Plan is { } plan ? PlanHash.Of(plan).ToString() : null,
    };

    private static string Word(JobStage stage) => stage.ToString().ToLowerInvariant();

    private static string Time(DateTimeOffset at) => at.ToUniversalTime().ToString("u", CultureInfo.InvariantCulture);
}
