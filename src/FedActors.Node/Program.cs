using System.CommandLine;
using System.Runtime.InteropServices;
using FedActors.Actors.Configuration;
using FedActors.Actors.Hosting;
using FedActors.Core;
using FedActors.Management;

var config = new Option<string>("--config")
{
    Description = "The node's HOCON file.",
    HelpName = "FILE",
    Required = true,
};
var root = new RootCommand(
    """
    Starts a hub or a hospital of a federation. It runs until it is told to stop (SIGTERM or Ctrl+C).

    Example: fedactors-node --config hocon/hospital.conf
    """)
{ config };
root.SetAction(async (parsed, cancel) =>
{
    try
    {
        var plan = NodeFile.Read(parsed.GetValue(config)!);
        await using var node = await Node.StartAsync(plan, TimeProvider.System);
        await using var management = await ManagementEndpoint.StartAsync(node, plan);
        if (management is not null)
            Console.Error.WriteLine(
                $"The management endpoint listens on {plan.Hub!.Management!.Listen}:{management.Port}.");
#if PETABRIDGE_CMD
        if (node.Operators is { } hub)
            FedActors.PetabridgeCmd.FedPaletteHandler.Start(hub.System, hub.Palette);
#endif
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        var ended = await Task.WhenAny(stopped.Task, node.WhenEnded);
        return (int)(ended == stopped.Task ? ExitCode.Done : ExitCode.Failed);

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stopped.TrySetResult();
        }
    }
    catch (FaultException refused)
    {
        return Tell(refused.ExitCode, refused.Faults);
    }
});

var parsed = root.Parse(args);
return parsed.Errors.Count == 0
    ? await parsed.InvokeAsync()
    : Tell(ExitCode.BadInput, parsed.Errors.Select(error => new Fault(
        FaultNumber.Usage, error.Message, "command line", "See 'fedactors-node --help'.")));

static int Tell(ExitCode exitCode, IEnumerable<Fault> faults)
{
    foreach (var fault in faults)
        Console.Error.WriteLine(fault);
    return (int)exitCode;
}
