using System.Collections.Immutable;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Models;
using FedActors.Simulation;
using FedActors.Simulation.Results;

namespace FedActors.EndToEnd.Tests.Results;

/// <summary>A run that nobody trained, shaped like the breast-tumour job, for tests of what a person sees.</summary>
internal static class MadeUpRun
{
    public const string ModelSha256 = "00ff000000000000000000000000000000000000000000000000000000000000";

    public static ImmutableArray<string> Hospitals { get; } = ["amsterdam", "berlin", "madrid", "milan", "paris"];

    public static CaseWords Words { get; } = new("tumour", "tumours", "biopsies");

    public static RunSummary Summary { get; } = new(
        "breast-tumour", 1, "fedavg", 5, 60, 31, 3.125,
        new Figures(Metrics(.9918, 8, 6)),
        new PooledFigures(Metrics(.9943, 4, 7), 0.1 + 0.2),
        AloneSummary.Of([
            new AloneFigures("amsterdam", 40, Metrics(.9897, 9, 4)),
            new AloneFigures("berlin", 40, Metrics(.9890, 93, 0)),
            new AloneFigures("madrid", 40, Metrics(.9859, 0, 242)),
            new AloneFigures("milan", 40, Metrics(.9932, 1, 38)),
            new AloneFigures("paris", 40, Metrics(.9865, 37, 0)),
        ]),
        new Figures(Metrics(.9919, 12, 1)),
        new SecureAggregationSummary(true, 4, 32, 1, 3),
        PrivacySummary.None(Hospitals),
        new TrafficSummary(123_456, 654_321),
        new ParticipationSummary(5, 3, 3),
        ModelSha256,
        new TestSummary(369, 122),
        101.5,
        ModelRound: 60, StoppedEarly: false,
        new HospitalsEvaluation(55,
            new HospitalsFigures(new FederatedBinaryFigures(5, 200, 86, .9921, .0004, .965, .11, .94, .98, .03))));

    public static ImmutableArray<RoundLine> Rounds { get; } = [.. Enumerable.Range(1, 60).Select(Round)];

    public static ModelFile Model { get; } = new(
        "breast-tumour", "logistic-regression", "tumour",
        [.. Enumerable.Range(0, 30).Select(i => new InputDescription($"feature {i}", $"column{i}", i + 0.5, 2.5, []))],
        [.. Enumerable.Range(0, 31).Select(i => Math.Sin(i) / 3)],
        ModelSha256);

    public static ReportExtras Extras { get; } = new(
        "Breast tumours: five hospitals",
        Words,
        [
            new HospitalCounts("amsterdam", 40, 16), new HospitalCounts("berlin", 40, 2),
            new HospitalCounts("madrid", 40, 38),
            new HospitalCounts("milan", 40, 28), new HospitalCounts("paris", 40, 6),
        ],
        "fedactors simulate samples/breast-tumour/job.conf --seed 1",
        "Breast Cancer Wisconsin (Diagnostic), Wolberg, Street, Mangasarian, UCI 1995, CC BY 4.0.");

    public static RunHeader Header { get; } = new("breast-tumour", "fedavg", 5, 60, 0, "out/breast-tumour");

    public static RunOutcome Outcome { get; } =
        new(Summary, Rounds, Words, "out/breast-tumour", AlreadyFinished: false, ResumedAfterRound: 0);

    /// <summary>Evaluated every fifth round; berlin is late three times, madrid once.</summary>
    public static RoundLine Round(int round)
    {
        var evaluated = round % 5 == 0 || round == 1;
        ImmutableArray<DroppedHospital> dropped = round switch
        {
            7 or 8 => [new DroppedHospital("berlin", "Training", "no update before the deadline of 60 s")],
            21 => [
                new DroppedHospital("berlin", "Training", "no update before the deadline of 60 s"),
                new DroppedHospital("madrid", "Masking", "the hospital was restarted"),
            ],
            _ => [],
        };
        return new RoundLine(
            round, 1, [.. Hospitals.Where(hospital => dropped.All(one => one.Hospital != hospital))], dropped,
            0.1 + 0.5 * Math.Exp(-round / 9.0),
            evaluated ? 0.9918 - 0.02 * Math.Exp(-round / 12.0) : double.NaN,
            1240, 2480, 41.5, ModelSha256, 0, 0, evaluated ? 0.12 + 0.5 * Math.Exp(-round / 9.0) : double.NaN);
    }

    /// <summary>Of 122 tumours and 247 harmless biopsies.</summary>
    private static BinaryMetrics Metrics(double auroc, int missed, int falseAlarms) => new(
        auroc, (369.0 - missed - falseAlarms) / 369, 0.0925 + missed / 500.0, (122.0 - missed) / 122,
        (247.0 - falseAlarms) / 247,
        369, missed, falseAlarms);
}
