using System.Globalization;

namespace FedActors.Core.Tests.Privacy;

/// <summary>A table of <c>shared/reference/dp</c>, read by column name; the test is ignored where there is no such
/// folder.</summary>
internal static class ReferenceTable
{
    public static IEnumerable<Row> Of(string name)
    {
        var lines = File.ReadAllLines(SharedFolder.Path($"reference/dp/{name}.csv"));
        Assert.That(lines, Has.Length.GreaterThan(1), name);
        var header = lines[0].Split(',');
        return lines.Skip(1)
            .Select(line =>
                new Row(header.Zip(line.Split(',')).ToDictionary(pair => pair.First, pair => pair.Second), line));
    }

    /// <summary>One row; its text names it in failures.</summary>
    public sealed record Row(IReadOnlyDictionary<string, string> Cells, string Line)
    {
        public double this[string column] => double.Parse(Cells[column], CultureInfo.InvariantCulture);

        public long Steps => long.Parse(Cells["steps"], CultureInfo.InvariantCulture);

        public bool Has(string column) => Cells[column].Length > 0;

        public override string ToString() => Line;
    }
}
