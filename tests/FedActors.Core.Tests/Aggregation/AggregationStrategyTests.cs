using FedActors.Core.Aggregation;
using FedActors.Core.Models;
using FedActors.Core.Numerics;

namespace FedActors.Core.Tests.Aggregation;

public class AggregationStrategyTests
{
    [Test]
    public void FedAvg_adds_the_mean() =>
        Assert.That(new FedAvg().Next([1, 2], new AggregatedUpdate(new[] { 0.5, -1 }, 10, 2)),
            Is.EqualTo(new[] { 1.5, 1 }));

    [Test]
    public void A_mean_that_is_not_finite_is_a_named_fault([Values(double.NaN, double.PositiveInfinity)] double bad)
    {
        Assert.That(() => new FedAvg().Next([1], new AggregatedUpdate(new[] { bad }, 10, 2)),
            Throws.InstanceOf<FaultException>().With.Message.Contains("FA-4004"));
        Assert.That(() => Newton(1).Next([1, 2], new AggregatedUpdate(new[] { 1, bad, 1, 0, 1 }, 10, 2)),
            Throws.InstanceOf<FaultException>().With.Message.Contains("FA-4004"));
        Assert.That(() => new FedAvg().Next([double.MaxValue], new AggregatedUpdate(new[] { double.MaxValue }, 10, 2)),
            Throws.InstanceOf<FaultException>().With.Message.Contains("FA-4004"));
    }

    [Test]
    public void Newton_solves_for_the_penalised_step()
    {
        // Ω = 10, l2 = 3, one weight and a bias: (10 H + 3 D) step = -(10 g + 3 D w).
        var next = Newton(3).Next([2, -1], new AggregatedUpdate(new[] { 0.5, 0.25, 2.0, 0.5, 1.0 }, 10, 2));
        var (a, b, d, right1, right2) = (10 * 2.0 + 3, 10 * 0.5, 10 * 1.0, -(10 * 0.5 + 3 * 2), -(10 * 0.25));
        var determinant = a * d - b * b;
        Assert.That(next,
            Is.EqualTo(
                new[] { 2 + (d * right1 - b * right2) / determinant, -1 + (a * right2 - b * right1) / determinant })
                    .Within(1e-14));
    }

    [Test]
    public void A_singular_system_is_a_named_fault()
    {
        foreach (var hessian in new[] { new[] { 0.0, 0, 0 }, [1, 1, 1], [1, 2, 1], [-1, 0, 1] })
            Assert.That(() => Newton(0).Next([0, 0], new AggregatedUpdate((double[])[1, 1, .. hessian], 10, 2)),
                Throws.InstanceOf<FaultException>().With.Message.Contains("FA-4005"));
    }

    [Test]
    public void Lengths_that_do_not_fit_are_refused()
    {
        Assert.That(() => new FedAvg().Next([1, 2], new AggregatedUpdate(new[] { 1.0 }, 1, 1)),
            Throws.ArgumentException);
        Assert.That(() => Newton(1).Next([1, 2], new AggregatedUpdate(new double[4], 1, 1)), Throws.ArgumentException);
    }

    [Test]
    public void A_packed_triangle_has_its_rows_one_after_the_other()
    {
        Assert.That(PackedUpper.Length(4), Is.EqualTo(10));
        Assert.That(Enumerable.Range(0, 4).Select(row => PackedUpper.RowStart(4, row)),
            Is.EqualTo(new[] { 0, 4, 7, 9 }));
    }

    private static FederatedNewton Newton(double l2) => new(new LogisticRegression(1).Views, l2);
}
