using System.CommandLine;
using FedActors.Core;

var config = new Option<FileInfo>("--config")
{
    Description = "The node's HOCON file.",
    HelpName = "FILE",
    Required = true,
};
var root = new RootCommand(
    """
    Starts a hub or a hospital of a federation. This version trains in simulation only: no node can start yet.

    Example: fedactors-node --config hospital.conf
    """)
{ config };
root.SetAction(parsed => Tell(ExitCode.NotReady, new Fault(
    FaultNumber.SimulationOnly,
    "This version trains in simulation only; a node cannot join a federation yet.",
    parsed.GetValue(config)!.FullName,
    "Try the job with 'fedactors simulate JOB.conf'.")));

var parsed = root.Parse(args);
return parsed.Errors.Count == 0
    ? parsed.Invoke()
    : Tell(ExitCode.BadInput, [.. parsed.Errors.Select(error => new Fault(
        FaultNumber.Usage, error.Message, "command line", "See 'fedactors-node --help'."))]);

static int Tell(ExitCode exitCode, params IEnumerable<Fault> faults)
{
    foreach (var fault in faults)
        Console.Error.WriteLine(fault);
    return (int)exitCode;
}
