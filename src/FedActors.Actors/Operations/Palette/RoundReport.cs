using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using FedActors.Core;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Protocol;
using FedActors.Core.Rounds;

namespace FedActors.Actors.Operations.Palette;

/// <summary>Rounds in words and as documents.</summary>
internal static class RoundReport
{
    public static string[] Row(RoundRecord record) =>
    [
        Number(record.Id.Round), Number(record.Id.Attempt), Number(record.Included.Length),
            Number(record.Dropped.Length), Loss(record),
        $"committed, model {record.Model.ToString()[..12]}",
    ];

    public static string[] Row(FederationEvent.AttemptFailed failure) =>
    [
        Number(failure.Id.Round), Number(failure.Id.Attempt), "", Number(failure.Dropped.Length), "",
        $"no sum, {failure.Number.Code()}",
    ];

    public static OperatorReply Line(RoundRecord record) => new(
        Document(record),
        $"Round {record.Id.Round} is committed: {record.Included.Length} hospitals in, {record.Dropped.Length} out"
            + $"{Tail(", loss ", Loss(record))}, "
            + $"{record.Duration.TotalSeconds.ToString("F1", CultureInfo.InvariantCulture)} s");

    public static OperatorReply Line(FederationEvent.AttemptFailed failure) => new(
        Document(failure),
        $"Round {failure.Id.Round}, attempt {failure.Id.Attempt} ended without a sum: {failure.Number.Code()}, "
            + $"{failure.Reason}");

    /// <summary>What the job is at: its open round, or what it waits for.</summary>
    public static OperatorReply Now(JobDesk.View view, JobDesk.JobView job, JobProtocol.RoundStatus? open) =>
        open is not null
            ? new(Document(open), $"Round {open.Id.Round}, attempt {open.Id.Attempt} is {RoundWords.Of(open.Phase)}"
                + $": {open.Ready.Length} of {open.Cohort.Length} trained, {open.Dropped.Length} out")
            : new(new JsonObject { ["job"] = job.Job.Name, ["waiting"] = true }, Waiting(view, job));

    public static OperatorReply Explain(
        JobDesk.View view, JobDesk.JobView job, int round, JobProtocol.JobRecords records,
            JobProtocol.RoundStatus? open, DateTimeOffset now)
    {
        var lines = new List<string>();
        var failures = records.Failures.Where(failure => failure.Id.Round == round).ToArray();
        var record = round >= 1 && round <= records.Committed.Length ? records.Committed[round - 1] : null;
        var isOpen = open?.Id.Round == round;
        if (record is not null)
        {
            lines.Add(
                $"Round {round} of {job.Job.Name} is committed, attempt {record.Id.Attempt}: {record.Included.Length} "
                    + "hospitals are in.");
            lines.Add($"In:  {string.Join(", ", record.Included)}");
            lines.AddRange(record.Dropped.SelectMany(Out));
            if (record.Saturated > 0)
                lines.Add(
                    $"{record.Saturated} coordinates of updates lay beyond job.secure-aggregation.range and were cut.");
            lines.Add($"Model {record.Model}");
        }
        else if (isOpen)
        {
            lines.Add(
                $"Round {round} of {job.Job.Name} is open, attempt {open!.Id.Attempt}. It is "
                    + $"{RoundWords.Of(open.Phase)}.");
            lines.Add(
                $"Open since {Ago(open.OpenedAt, now)}; updates count until {open.Deadline.ToUniversalTime():u}.");
            lines.Add($"Trained: {List(open.Ready)}");
            var missing = open.Cohort.Except(open.Ready).Except(open.Dropped.Select(drop => drop.Hospital)).ToArray();
            if (open.Phase == RoundPhase.Training)
                lines.AddRange(missing.Select(hospital => $"Waits for {hospital}, {State(view, hospital, now)}"));
            lines.AddRange(open.Dropped.SelectMany(Out));
        }
        else if (!job.Stage.IsOver())
        {
            lines.Add(Waiting(view, job));
        }
        else
        {
            lines.Add($"Job {job.Job.Name} is {job.Stage.ToString().ToLowerInvariant()}: {job.Job.Reason}");
        }
        foreach (var failure in failures)
        {
            lines.Add(
                $"Attempt {failure.Id.Attempt} ended without a sum, {failure.Number.Code()} (docs/errors.md): "
                    + $"{failure.Reason}");
            lines.AddRange(failure.Dropped.SelectMany(Out));
        }
        return new OperatorReply(
            new JsonObject
            {
                ["job"] = job.Job.Name,
                ["stage"] = job.Stage.ToString().ToLowerInvariant(),
                ["round"] = round,
                ["committed"] = record is null ? null : Document(record),
                ["open"] = isOpen ? Document(open!) : null,
                ["failedAttempts"] = new JsonArray([.. failures.Select(Document)]),
            },
            string.Join('\n', lines));
    }

    public static OperatorReply Show(RoundRecord record) => new(Document(record), string.Join('\n',
    [
        $"Round {record.Id.Round} of {record.Id.Job}, attempt {record.Id.Attempt}",
        $"In:       {string.Join(", ", record.Included)}",
        $"Out:      {(record.Dropped.IsEmpty ? "nobody"
            : string.Join(", ", record.Dropped.Select(drop => $"{drop.Hospital} ({drop.Reason})")))}",
        $"Loss:     {(Loss(record) is { Length: > 0 } loss ? loss : "not told")}",
        $"Patients: {record.TotalWeight}",
        $"Up:       {record.BytesUp} bytes",
        $"Down:     {record.BytesDown} bytes",
        $"Took:     {record.Duration.TotalSeconds.ToString("F1", CultureInfo.InvariantCulture)} s",
        $"Model:    {record.Model}",
    ]));

    public static JsonObject Document(RoundRecord record) => new()
    {
        ["round"] = record.Id.Round,
        ["attempt"] = record.Id.Attempt,
        ["included"] = List(record.Included.AsEnumerable()),
        ["dropped"] = new JsonArray([.. record.Dropped.Select(Document)]),
        ["loss"] = double.IsFinite(record.Loss) ? record.Loss : null,
        ["bytesUp"] = record.BytesUp,
        ["bytesDown"] = record.BytesDown,
        ["durationMs"] = record.Duration.TotalMilliseconds,
        ["modelSha256"] = record.Model.ToString(),
    };

    public static JsonObject Document(FederationEvent.AttemptFailed failure) => new()
    {
        ["round"] = failure.Id.Round,
        ["attempt"] = failure.Id.Attempt,
        ["code"] = failure.Number.Code(),
        ["reason"] = failure.Reason,
        ["dropped"] = new JsonArray([.. failure.Dropped.Select(Document)]),
    };

    public static string Ago(DateTimeOffset? at, DateTimeOffset now) => at is { } then
        ? string.Create(CultureInfo.InvariantCulture, $"{Math.Max(0, (now - then).TotalSeconds):F0} s ago")
        : "never since the hub's start";

    private static JsonObject Document(JobProtocol.RoundStatus open) => new()
    {
        ["round"] = open.Id.Round,
        ["attempt"] = open.Id.Attempt,
        ["phase"] = open.Phase.ToString(),
        ["openedAt"] = open.OpenedAt.ToString("O", CultureInfo.InvariantCulture),
        ["deadline"] = open.Deadline.ToString("O", CultureInfo.InvariantCulture),
        ["cohort"] = List(open.Cohort.AsEnumerable()),
        ["trained"] = List(open.Ready.AsEnumerable()),
        ["dropped"] = new JsonArray([.. open.Dropped.Select(Document)]),
    };

    private static JsonObject Document(Dropout drop) => new()
    {
        ["hospital"] = drop.Hospital.ToString(),
        ["phase"] = drop.Phase.ToString(),
        ["reason"] = drop.Reason.ToString(),
        ["detail"] = drop.Detail,
    };

    private static IEnumerable<string> Out(Dropout drop)
    {
        var (what, fix) = RoundWords.Of(drop.Reason);
        yield return $"Out: {drop.Hospital}, lost while the round was {RoundWords.Of(drop.Phase)} "
            + $"({drop.Reason}). {what}";
        if (drop.Detail.Length > 0)
            yield return $"     {drop.Detail}";
        yield return $"     Do: {fix}";
    }

    private static string Waiting(JobDesk.View view, JobDesk.JobView job)
    {
        if (job.Stage == JobStage.Running)
            return $"Job {job.Job.Name} is between two rounds.";
        if (job.Stage == JobStage.Paused)
            return $"Job {job.Job.Name} rests until 'job resume {job.Job.Name}': {job.Job.Reason}";
        var first = view.Jobs.First(one => !one.Stage.IsOver());
        if (first.Job.Name != job.Job.Name)
            return $"Job {job.Job.Name} waits for its turn behind {first.Job.Name}.";
        var away = view.Hospitals.Where(one => !one.IsAttached).Select(one => one.Hospital).ToImmutableArray();
        return $"Job {job.Job.Name} waits for hospitals: {view.Hospitals.Length - away.Length} are attached, it needs "
            + $"{job.Plan?.Cohort.Minimum ?? 0}{(job.Plan?.Cohort.Require is { IsEmpty: false } required ? $" and {List(
                required)}" : "")}. "
            + $"Away: {List(away)}";
    }

    private static string State(JobDesk.View view, HospitalId hospital, DateTimeOffset now) =>
        view.Hospitals.FirstOrDefault(one => one.Hospital == hospital) is { } known
            ? $"{(known.IsAttached ? "which is attached" : "which is away")}, last heard {Ago(known.LastHeard, now)}"
            : "which is not in the roster any more";

    private static JsonArray List(IEnumerable<HospitalId> hospitals) =>
        new([.. hospitals.Select(hospital => JsonValue.Create(hospital.ToString()))]);

    private static string List(ImmutableArray<HospitalId> hospitals) => hospitals.IsEmpty
        ? "nobody" : string.Join(", ", hospitals);

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Loss(RoundRecord record) =>
        double.IsFinite(record.Loss) ? record.Loss.ToString("F4", CultureInfo.InvariantCulture) : "";

    private static string Tail(string lead, string text) => text.Length == 0 ? "" : lead + text;
}
