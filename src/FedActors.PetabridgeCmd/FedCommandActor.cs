using Akka.Actor;
using FedActors.Actors.Operations.Palette;
using FedActors.Core;
using Petabridge.Cmd;
using Petabridge.Cmd.Host;

namespace FedActors.PetabridgeCmd;

/// <summary>
/// Runs the palette's commands for one connection and gives their answers line by line as they come; what is followed
/// ends with the connection. Parent: Petabridge.Cmd. Children: none.
/// </summary>
#pragma warning disable CA1001 // Akka stops an actor and never disposes of it: PostStop does it.
public sealed class FedCommandActor : CommandHandlerActor
#pragma warning restore CA1001
{
    private readonly OperatorHub _hub;
    private readonly CancellationTokenSource _end = new();

    public FedCommandActor(OperatorHub hub) : base(FedCommands.Palette)
    {
        _hub = hub;
        foreach (var (command, definition) in FedCommands.All)
            Process(definition.Name, typed =>
            {
                var sender = Sender;
                AnswerAsync(command, typed, sender).PipeTo(sender, failure: e => new ErroredCommandResponse(
                    $"Something unforeseen happened ({e.GetType().Name})."));
            });
    }

    protected override void PostStop()
    {
        _end.Cancel();
        _end.Dispose();
        base.PostStop();
    }

    // Answers go straight to the one who asked: nothing of this actor is touched once it has begun.
    private async Task AnswerAsync(OperatorCommand command, Command typed, IActorRef sender)
    {
        try
        {
            var request = new OperatorRequest(_hub, ValuesOf(command, typed));
            await foreach (var reply in command.Run(request, _end.Token))
                foreach (var line in reply.Text.Split('\n'))
                    sender.Tell(new CommandResponse(line, false));
            sender.Tell(CommandResponse.Empty);
        }
        catch (FaultException refused)
        {
            sender.Tell(new ErroredCommandResponse(string.Join(Environment.NewLine, refused.Faults)));
        }
        catch (OperationCanceledException)
        {
            // The connection is gone, and nobody reads an answer.
        }
    }

    private static Dictionary<string, string> ValuesOf(OperatorCommand command, Command typed)
    {
        var values = new Dictionary<string, string>();
        foreach (var argument in command.Arguments)
        {
            if (typed.Arguments.FirstOrDefault(pair =>
                pair.Item1 == FedCommands.SwitchOf(argument))?.Item2 is not { } value)
                continue;
            values[argument.Name] = argument.Kind == ArgumentKind.File ? OperatorRequest.TextOf(value) : value;
            if (argument.Kind == ArgumentKind.File)
                values[OperatorRequest.PathOf(argument.Name)] = value;
        }
        foreach (var missing in command.Arguments.Where(argument => argument.IsRequired
            && !values.ContainsKey(argument.Name)))
            throw new FaultException(new Fault(
                FaultNumber.CommandNotUnderstood, $"'{FedCommands.SwitchOf(missing)}' is missing.", command.Example,
                    missing.Description));
        return values;
    }
}
