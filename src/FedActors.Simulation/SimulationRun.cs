using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using FedActors.Actors.Configuration;
using FedActors.Actors.Data;
using FedActors.Core;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Protocol;
using FedActors.Core.Training;
using FedActors.Simulation.Results;

namespace FedActors.Simulation;

/// <summary>What a person asked of <c>fedactors simulate</c>.</summary>
/// <param name="JobFile">The HOCON file.</param>
/// <param name="DataDirectory">Where the job's data lies, or null for the job file's own folder.</param>
/// <param name="OutDirectory">Where results go, or null for <c>out/&lt;job name&gt;</c>.</param>
/// <param name="Overrides">Key paths and values that replace the file's, in order.</param>
/// <param name="Fresh">Start over even if the folder holds a run.</param>
public sealed record SimulationOptions(
    string JobFile,
    string? DataDirectory,
    string? OutDirectory,
    ImmutableArray<KeyValuePair<string, string>> Overrides,
    bool Fresh);

/// <summary>
/// Trains a job on in-process hospitals and compares the result with each hospital alone and with the pooled data. Whatever
/// it writes follows from the job, the data and the journal, so that a run that was killed ends as if it had not been.
/// </summary>
public static class SimulationRun
{
    /// <exception cref="FaultException">The job, its data or the folder do not allow the run; before round 1 where that can be known.</exception>
    public static async Task<RunOutcome> RunAsync(SimulationOptions options, IRunObserver observer, CancellationToken cancel)
    {
        var (plan, story, data) = Load(options);
        using var folder = OutputFolder.Open(options.OutDirectory ?? Path.Combine("out", plan.Name), options.Fresh);
        var storage = folder.OpenStorage();
        // Needed for the comparison only, and computed while the federation trains.
        var baselines = Task.Run(() => Baselines.Of(data, plan), cancel);
        using var privacy = PrivacyOf(plan, data, folder);
        var committedBefore = 0;
        var releases = 0L;
        GlobalModel? model = null;
        var modelRound = 0;
        ImmutableArray<RoundRecord> records;
        await using (var federation = InProcessFederation.Start(plan, PatientsOf(data), storage, data.Test, KeptBack(data), privacy))
        {
            records = await federation.RunAsync(plan, IdentityOf(plan, data), [.. data.Hospitals.Select(h => h.Hospital)], Watch, cancel);
        }
        var results = new ResultFolder(folder.Path);
        var lines = LinesOf(plan, data.Hospitals.Length, records);
        var finishedBefore = committedBefore == records.Length;
        var words = WordsOf(story);
        if (finishedBefore && results.Read() is { } stored && stored.Summary.ModelSha256 == model!.Hash.ToString())
            return new RunOutcome(stored.Summary, stored.Rounds, words, folder.Path, AlreadyFinished: true, committedBefore);
        var summary = Summary(plan, data, records, model!, modelRound, await baselines, privacy);
        results.Write(summary, lines,
            ModelFile.Of(plan, Names.Of(plan.Model.Kind), words.Positive, data.Inputs, model!.Parameters, summary.ModelSha256),
            new ReportExtras(story.Title, words, [.. data.Hospitals.Select(CountsOf)], CommandOf(options), story.Attribution));
        return new RunOutcome(summary, lines, words, folder.Path, finishedBefore, committedBefore);

        void Watch(JobProtocol.IJobMessage message)
        {
            switch (message)
            {
                case JobProtocol.JobStarted started:
                    committedBefore = started.Committed.Length;
                    observer.Started(new RunHeader(plan.Name, Names.Of(plan.Training.Algorithm), data.Hospitals.Length, plan.Training.Rounds,
                        committedBefore, folder.Path, ShownFigure.MainOf(plan.Model.Outcome).Name));
                    releases = started.Committed.Sum(record => (long)record.Id.Attempt);
                    if (plan.Privacy.Mode != PrivacyMode.Off)
                    {
                        foreach (var warning in JobPrivacy.Warnings(plan, FederationState.CohortSize(data.Hospitals.Length, plan.CohortRules)))
                            observer.Note(warning);
                    }
                    break;
                case JobProtocol.RoundReported reported:
                    releases += reported.Record.Id.Attempt;
                    observer.RoundClosed(ToLine(reported.Record, EpsilonAfter(plan, data.Hospitals.Length, releases)), plan.Training.Rounds);
                    break;
                case JobProtocol.AttemptReported attempt:
                    observer.Note($"{attempt.Number.Code()}: round {attempt.Id.Round}, attempt {attempt.Id.Attempt} ended without a sum: {attempt.Reason}");
                    break;
                case JobProtocol.JobFinished finished:
                    (model, modelRound) = (new GlobalModel(finished.Model, finished.Parameters, []), finished.Round);
                    break;
            }
        }
    }

    /// <summary>The plan as a run would have it, with what its data add to it, and the number of hospitals.</summary>
    /// <exception cref="FaultException">The job or its data do not allow a run.</exception>
    public static (JobPlan Plan, int Hospitals) Plan(SimulationOptions options)
    {
        var (plan, _, data) = Load(options);
        return (plan, data.Hospitals.Length);
    }

    private static (JobPlan Plan, DataStory Story, FederatedData Data) Load(SimulationOptions options)
    {
        var faults = new List<Fault>();
        var file = JobFile.Open(options.JobFile, options.Overrides);
        var plan = file.Read(faults);
        var dataPlan = DataSection.Read(file.Data(faults), plan.Privacy.PatientId);
        if (faults.Count > 0)
            throw new FaultException(faults);
        var data = DataLoader.Load(dataPlan, Path.GetDirectoryName(Path.GetFullPath(options.JobFile))!, options.DataDirectory);
        plan = FederationJob.Complete(plan, dataPlan.Schema) with { Patients = PatientsOf(data, plan, options.JobFile) };
        faults.AddRange(ModelRules.Faults(plan, Names.OfAny, options.JobFile));
        if (faults.Count > 0)
            throw new FaultException(faults);
        var patients = data.Hospitals.ToDictionary(hospital => hospital.Hospital, hospital => CountOf(plan, hospital.Train));
        var updateLength = LocalTraining.UpdateLength(plan.Training, ModelCatalog.Create(plan.Model));
        faults.AddRange(PlanCheck.Faults(plan, patients, updateLength, options.JobFile));
        return faults.Count == 0 ? (plan, dataPlan.Story, data) : throw new FaultException(faults);
    }

    // A mean is one over rows; what is promised is promised to patients.
    private static int CountOf(JobPlan plan, PatientTable patients) =>
        plan.Privacy.Mode == PrivacyMode.Off ? patients.Rows : patients.Units;

    private static long PatientsOf(FederatedData data, JobPlan plan, string file)
    {
        var (counted, said) = (data.Hospitals.Sum(hospital => (long)CountOf(plan, hospital.Train)), plan.Patients);
        return said == 0 || said == counted
            ? counted
            : throw new FaultException(new Fault(FaultNumber.ValueOutOfRange, $"The job says {said} patients, the hospitals train on {counted}.",
                $"{file}: job.patients", $"Write {counted}, or leave the key out: a simulation counts them."));
    }

    private static SimulatedPrivacy PrivacyOf(JobPlan plan, FederatedData data, OutputFolder folder) => plan.Privacy.Mode == PrivacyMode.Off
        ? SimulatedPrivacy.None
        : SimulatedPrivacy.Open(
            folder.Ledgers, data.Hospitals.Select(hospital => KeyValuePair.Create(hospital.Hospital, (long)hospital.Train.Units)),
            TimeProvider.System, patientId: plan.Privacy.PatientId);

    private static KeyValuePair<HospitalId, PatientTable>[] PatientsOf(FederatedData data) =>
        [.. data.Hospitals.Select(hospital => KeyValuePair.Create(hospital.Hospital, hospital.Train))];

    private static Dictionary<HospitalId, PatientTable> KeptBack(FederatedData data) =>
        data.Hospitals.Where(hospital => hospital.Test.Rows > 0).ToDictionary(hospital => hospital.Hospital, hospital => hospital.Test);

    // A run goes on only with the plan and the very patients it began with.
    private static Digest IdentityOf(JobPlan plan, FederatedData data)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(PlanHash.Of(plan).ToBytes());
        foreach (var hospital in data.Hospitals)
        {
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes($"{hospital.Hospital} {hospital.Train.Rows} {hospital.Train.Units}\n"));
            hash.AppendData(MemoryMarshal.AsBytes(hospital.Train.Values));
            hash.AppendData(MemoryMarshal.AsBytes(hospital.Train.Labels));
            hash.AppendData(MemoryMarshal.AsBytes(hospital.Train.Outcomes.Times));
        }
        return new Digest(hash.GetHashAndReset());
    }

    private static RunSummary Summary(
        JobPlan plan, FederatedData data, ImmutableArray<RoundRecord> records, GlobalModel model, int modelRound, Baselines baselines,
        SimulatedPrivacy privacy)
    {
        var federated = ModelEvaluation.Of(ModelCatalog.Create(plan.Model), model.Parameters.AsSpan(), data.Test);
        var difference = model.Parameters.Zip(baselines.PooledParameters, (a, b) => Math.Abs(a - b)).Max();
        var hospitals = data.Hospitals.Select(hospital => hospital.Hospital).ToArray();
        return new RunSummary(
            plan.Name, plan.Seed, Names.Of(plan.Training.Algorithm), hospitals.Length, records.Length, model.Parameters.Length,
            records.Sum(record => record.Duration.TotalSeconds),
            new Figures(federated),
            new PooledFigures(baselines.Pooled, difference),
            AloneSummary.Of([.. baselines.Alone.Select(alone => new AloneFigures(alone.Hospital.ToString(), alone.TrainedOn, alone.Metrics))]),
            new Figures(baselines.Ensemble),
            SecurityOf(plan, hospitals.Length),
            PrivacyOf(plan, hospitals, privacy),
            new TrafficSummary(records.Sum(record => record.BytesUp), records.Sum(record => record.BytesDown)),
            new ParticipationSummary(
                hospitals.Count(hospital => records.Any(record => record.Included.Contains(hospital) || record.Dropped.Any(drop => drop.Hospital == hospital))),
                hospitals.Count(hospital => records.All(record => record.Included.Contains(hospital))),
                records.Sum(record => record.Dropped.Length)),
            model.Hash.ToString(),
            new TestSummary(data.Test.Rows, data.Test.Positives),
            Environment.ProcessId > 0 ? Math.Round(System.Diagnostics.Process.GetCurrentProcess().PeakWorkingSet64 / 1e6, 1) : double.NaN,
            modelRound, StoppedEarly: records.Length < plan.Training.Rounds,
            // The record of a round holds what the hospitals found of the model before it.
            records.LastOrDefault(record => record.ByHospitals is not null && record.Id.Round <= modelRound + 1) is { } evaluated
                ? new HospitalsEvaluation(evaluated.Id.Round - 1, new HospitalsFigures(evaluated.ByHospitals!))
                : null);
    }

    private static SecureAggregationSummary SecurityOf(JobPlan plan, int hospitals)
    {
        if (!plan.SecureAggregation.Enabled)
            return new SecureAggregationSummary(false, 0, plan.SecureAggregation.RingBits, 0, 0);
        var thresholds = RoundCode.ThresholdsOf(plan, FederationState.CohortSize(hospitals, plan.CohortRules));
        return new SecureAggregationSummary(
            true, thresholds.Quorum, plan.SecureAggregation.RingBits, thresholds.ToleratedDropouts, thresholds.Corrupt);
    }

    private static PrivacySummary PrivacyOf(JobPlan plan, HospitalId[] hospitals, SimulatedPrivacy privacy)
    {
        if (plan.Privacy.Mode == PrivacyMode.Off)
            return PrivacySummary.None(hospitals.Select(hospital => hospital.ToString()));
        var cohort = FederationState.CohortSize(hospitals.Length, plan.CohortRules);
        var terms = JobPrivacy.Terms(plan, cohort);
        return new PrivacySummary(
            Names.Of(plan.Privacy.Mode), terms.Cost.Epsilon, terms.Cost.Delta, JobPrivacy.NoiseMultiplier(plan),
            [.. privacy.Spent.Select(one => new HospitalPrivacy(one.Hospital.ToString(), one.Spent.Epsilon, one.Spent.Delta, one.Limit.Epsilon))])
        {
            Unit = plan.Privacy.Mode == PrivacyMode.Hospital ? "hospital" : "patient",
            EpsilonPld = JobPrivacy.EpsilonShown(plan),
            Releases = terms.Releases,
            Shares = JobPrivacy.GridOf(plan, cohort).Shares,
        };
    }

    private static ImmutableArray<RoundLine> LinesOf(JobPlan plan, int hospitals, ImmutableArray<RoundRecord> records)
    {
        var (lines, releases) = (ImmutableArray.CreateBuilder<RoundLine>(records.Length), 0L);
        foreach (var record in records)
            lines.Add(ToLine(record, EpsilonAfter(plan, hospitals, releases += record.Id.Attempt)));
        return lines.MoveToImmutable();
    }

    // Every attempt of a round is charged: an upper bound for a hospital that was in some of them only.
    private static double EpsilonAfter(JobPlan plan, int hospitals, long releases) => plan.Privacy.Mode == PrivacyMode.Off
        ? 0
        : JobPrivacy.EpsilonAfter(plan, FederationState.CohortSize(hospitals, plan.CohortRules), releases);

    private static RoundLine ToLine(RoundRecord record, double epsilon) => new(
        record.Id.Round, record.Id.Attempt,
        [.. record.Included.Select(hospital => hospital.ToString())],
        [.. record.Dropped.Select(drop => new DroppedHospital(drop.Hospital.ToString(), Names.Of(drop.Phase), $"{drop.Reason}: {drop.Detail}"))],
        record.Loss, record.Metrics?.Of(Metric.Auroc) ?? double.NaN, record.BytesUp, record.BytesDown, record.Duration.TotalMilliseconds,
        record.Model.ToString(), epsilon, record.Saturated, record.Metrics?.Of(Metric.LogLoss) ?? double.NaN,
        record.ByHospitals is { } figures ? new HospitalsFigures(figures) : null)
    {
        MacroAuroc = (record.Metrics as ClassMetrics)?.MacroAuroc,
        Rmse = (record.Metrics as RealMetrics)?.Rmse,
        RSquared = (record.Metrics as RealMetrics)?.RSquared,
        CIndex = (record.Metrics as SurvivalMetrics)?.CIndex,
    };

    private static HospitalCounts CountsOf(HospitalData hospital) =>
        new(hospital.Hospital.ToString(), hospital.Train.Rows, hospital.Train.Positives);

    private static CaseWords WordsOf(DataStory story) => new(
        Or(story.Positive, CaseWords.Neutral.Positive), Or(story.Plural, CaseWords.Neutral.Plural), Or(story.Case, CaseWords.Neutral.Case));

    private static string Or(string text, string otherwise) => text.Length > 0 ? text : otherwise;

    private static string CommandOf(SimulationOptions options)
    {
        var set = string.Concat(options.Overrides.Select(pair => $" --set {pair.Key}={pair.Value}"));
        var data = options.DataDirectory is { } directory ? $" --data {directory}" : "";
        return $"fedactors simulate {options.JobFile}{data}{set}";
    }
}
