using FedActors.Cli;
using FedActors.Core;

return await new CommandLine(
    Terminal.OfProcess(),
    (_, _, _) => throw new FaultException(ExitCode.NotReady, new Fault(
        FaultNumber.SimulationOnly, "This build cannot simulate yet.", "", "Use a later one.")),
    benchmarks: []).RunAsync(args);
