using Akka.Actor;
using Akka.Configuration;
using FedActors.Actors.Operations.Palette;
using Petabridge.Cmd.Host;
using Host = Petabridge.Cmd.Host.PetabridgeCmd;

namespace FedActors.PetabridgeCmd;

/// <summary>Registers the operator palette with Petabridge.Cmd as <c>fed</c>.</summary>
public sealed class FedPaletteHandler(OperatorHub hub) : CommandPaletteHandler(FedCommands.Palette)
{
    private Props _props = Props.Empty;

    /// <summary>One for each connection.</summary>
    public override Props HandlerProps => _props;

    public override void OnRegister(Host plugin)
    {
        _props = Props.Create<FedCommandActor>(hub);
        base.OnRegister(plugin);
    }

    /// <summary>
    /// Opens the door: at 127.0.0.1:9110, where the package's own default is every address of the machine.
    /// </summary>
    public static void Start(ActorSystem system, OperatorHub hub)
    {
        system.Settings.InjectTopLevelFallback(
            ConfigurationFactory.ParseString("""petabridge.cmd { host = "127.0.0.1", port = 9110 }"""));
        var door = Host.Get(system);
        door.RegisterCommandPalette(new FedPaletteHandler(hub));
        door.Start();
    }
}
