using System.Collections.Immutable;

namespace FedActors.Simulation.Results;

/// <summary>What <c>report.html</c> tells beside the figures.</summary>
/// <param name="Title">The page's heading; empty for the job's name.</param>
/// <param name="Words">What the job calls its cases.</param>
/// <param name="Hospitals">Who holds how many of what; a simulation may know it.</param>
/// <param name="Command">The command line that repeats the run.</param>
/// <param name="Attribution">Where the data come from and under which licence; empty where the job does not
/// say.</param>
public sealed record ReportExtras(
    string Title, CaseWords Words, ImmutableArray<HospitalCounts> Hospitals, string Command, string Attribution);

/// <param name="Patients">Rows the hospital trained on.</param>
/// <param name="Positives">Those of them with label 1.</param>
public sealed record HospitalCounts(string Hospital, int Patients, int Positives);
