using FedActors.Core.Data;

namespace FedActors.Core.Tests.Data;

public class PatientTableTests
{
    [Test]
    public void Labels_outside_their_kind_are_refused()
    {
        Assert.Multiple(() =>
        {
            Assert.That(() => Outcomes.Binary([0, 2]), Throws.ArgumentException);
            Assert.That(() => Outcomes.Class([0, 3], 3), Throws.ArgumentException);
            Assert.That(() => Outcomes.Class([0.5, 1], 3), Throws.ArgumentException);
            Assert.That(() => Outcomes.Class([0], 1), Throws.InstanceOf<ArgumentException>());
            Assert.That(() => Outcomes.Real([double.NaN]), Throws.ArgumentException);
            Assert.That(() => Outcomes.Real([1], unit: 0), Throws.ArgumentException);
            Assert.That(() => Outcomes.Survival([0], [1]), Throws.ArgumentException);
            Assert.That(() => Outcomes.Survival([-1], [1]), Throws.ArgumentException);
            Assert.That(() => Outcomes.Survival([double.PositiveInfinity], [1]), Throws.ArgumentException);
            Assert.That(() => Outcomes.Survival([1], [2]), Throws.ArgumentException);
            Assert.That(() => Outcomes.Survival([1, 2], [1]), Throws.ArgumentException);
        });
    }

    [Test]
    public void Those_at_risk_longest_come_first_in_each_stratum()
    {
        var outcomes = Outcomes.Survival([3, 9, 5, 9, 1], [1, 0, 1, 1, 0], [1, 0, 1, 0, 1]);
        Assert.That(outcomes.RiskOrder.ToArray(), Is.EqualTo(new[] { 1, 3, 2, 0, 4 }));
        Assert.That(outcomes.RiskRank.ToArray(), Is.EqualTo(new[] { 3, 0, 2, 1, 4 }));
    }

    [Test]
    public void Joined_tables_keep_patients_and_strata_apart()
    {
        PatientTable Table(int[] units, int[] strata) =>
            new(["x"], [1, 2, 3], Outcomes.Survival([1, 2, 3], [1, 0, 1], strata), units);
        var joined = PatientTable.Concat(Table([0, 0, 1], [0, 5, 5]), Table([0, 1, 1], [5, 5, 5]));
        Assert.That(Enumerable.Range(0, 6).Select(joined.UnitOf), Is.EqualTo(new[] { 0, 0, 1, 2, 3, 3 }));
        Assert.That(Enumerable.Range(0, joined.Units).Select(joined.RowsOf),
            Is.EqualTo(new[] { (0, 2), (2, 1), (3, 1), (4, 2) }));
        Assert.That(joined.Outcomes.Strata.ToArray(), Is.EqualTo(new[] { 0, 1, 1, 2, 2, 2 }));
        Assert.That(() => PatientTable.Concat(joined, new PatientTable(["x"], [1], [1])), Throws.ArgumentException);
    }

    [TestCase(0, 2)]
    [TestCase(1, 1)]
    [TestCase(0, 1, 0)]
    [TestCase(0)]
    public void Units_that_are_not_numbered_in_the_order_of_the_rows_are_refused(params int[] units) =>
        Assert.That(() =>
            new PatientTable(["x"], new double[Math.Max(2, units.Length)],
                Outcomes.Binary(new double[Math.Max(2, units.Length)]), units),
            Throws.ArgumentException);
}
