namespace FedActors.Simulation.Results;

/// <summary>What a job calls its cases, so that tables speak of tumours and not of positives.</summary>
/// <param name="Positive">What label 1 means, in the singular: <c>tumour</c>.</param>
/// <param name="Plural">The same in the plural: <c>tumours</c>.</param>
/// <param name="Case">What a row of the data is, in the plural: <c>biopsies</c>.</param>
public sealed record CaseWords(string Positive, string Plural, string Case)
{
    public static CaseWords Neutral { get; } = new("case", "cases", "patients");
}
