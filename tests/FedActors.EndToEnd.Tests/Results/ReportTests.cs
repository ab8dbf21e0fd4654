using FedActors.Simulation.Results;

namespace FedActors.EndToEnd.Tests.Results;

public sealed class ReportTests
{
    private static readonly string Page = Report.Of(MadeUpRun.Summary, MadeUpRun.Rounds, MadeUpRun.Model, MadeUpRun.Extras);

    [Test]
    public void X()
    {
        File.WriteAllText("/tmp/report.html", Page);
    }
}
