using FedActors.Cli;
using FedActors.Simulation;

return await new CommandLine(Terminal.OfProcess(), SimulationRun.RunAsync, Benchmarks.All).RunAsync(args);
