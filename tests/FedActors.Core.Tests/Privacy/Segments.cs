using System.Globalization;
using FedActors.Core.Privacy;

namespace FedActors.Core.Tests.Privacy;

/// <summary>Several jobs in one cell of a reference table: rate:noise:steps, separated by semicolons.</summary>
internal static class Segments
{
    public static IPrivacyAccountant Of(ReferenceTable.Row row, IPrivacyAccountant accountant) =>
        row.Cells["segments_q:sigma:steps"].Split(';').Select(segment => segment.Split(':')).Aggregate(
            accountant,
            (composed, parts) =>
                composed.Compose(
                    new DpEvent.SampledGaussian(Number(parts[0]), Number(parts[1]), (long)Number(parts[2]))));

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
