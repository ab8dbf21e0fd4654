// A stub of the public types of Petabridge.Cmd that src/FedActors.PetabridgeCmd uses, after its documentation and
// quickstart: enough to compile the adapter and to drive its handlers. That it compiles here does not prove that it
// works with the package.
#pragma warning disable CA1716 // The names are the package's.
using Akka.Actor;

namespace Petabridge.Cmd
{
    public sealed record ArgumentDefinition(string Name, string Description, bool IsMandatory,
        IReadOnlyList<string> Switch);

    public sealed class ArgumentDefinitionBuilder
    {
        private readonly List<string> _switches = [];
        private string _name = "";
        private string _description = "";
        private bool _isMandatory;

        public ArgumentDefinitionBuilder WithName(string name)
        {
            _name = name;
            return this;
        }

        public ArgumentDefinitionBuilder WithDescription(string description)
        {
            _description = description;
            return this;
        }

        public ArgumentDefinitionBuilder IsMandatory(bool isMandatory)
        {
            _isMandatory = isMandatory;
            return this;
        }

        public ArgumentDefinitionBuilder WithSwitch(string name)
        {
            _switches.Add(name);
            return this;
        }

        internal ArgumentDefinition Build() => new(_name, _description, _isMandatory, _switches);
    }

    public sealed record CommandDefinition(string Name, string Description, IReadOnlyDictionary<string,
        ArgumentDefinition> ArgumentsByName);

    public sealed class CommandDefinitionBuilder
    {
        private readonly Dictionary<string, ArgumentDefinition> _arguments = [];
        private string _name = "";
        private string _description = "";

        public CommandDefinitionBuilder WithName(string name)
        {
            _name = name;
            return this;
        }

        public CommandDefinitionBuilder WithDescription(string description)
        {
            _description = description;
            return this;
        }

        public CommandDefinitionBuilder WithArgument(Func<ArgumentDefinitionBuilder, ArgumentDefinitionBuilder> build)
        {
            var made = build(new ArgumentDefinitionBuilder()).Build();
            _arguments.Add(made.Name, made);
            return this;
        }

        public CommandDefinition Build() => new(_name, _description, _arguments);
    }

    public sealed class CommandPalette(string moduleName, CommandDefinition[] commands)
    {
        public string ModuleName => moduleName;

        public IReadOnlyList<CommandDefinition> Commands => commands;
    }

    public sealed record Command(string Name, IReadOnlyList<Tuple<string, string>> Arguments);

    public record CommandResponse(string Msg, bool Final = true)
    {
        public static CommandResponse Empty { get; } = new("");
    }

    public sealed record ErroredCommandResponse(string Err) : CommandResponse(Err);
}

namespace Petabridge.Cmd.Host
{
    public abstract class CommandHandlerActor : ReceiveActor
    {
        private readonly Dictionary<string, Action<Command>> _handlers = [];

        protected CommandHandlerActor(CommandPalette palette)
        {
            Palette = palette;
            Receive<Command>(command => _handlers[command.Name](command));
        }

        public CommandPalette Palette { get; }

        protected void Process(string name, Action<Command> handler) => _handlers.Add(name, handler);
    }

    public abstract class CommandPaletteHandler(CommandPalette palette)
    {
        public CommandPalette Palette => palette;

        public abstract Props HandlerProps { get; }

        public virtual void OnRegister(PetabridgeCmd plugin) { }
    }

    public sealed class PetabridgeCmd(ActorSystem system)
    {
        private static readonly Dictionary<ActorSystem, PetabridgeCmd> Doors = [];

        public ActorSystem Sys => system;

        public List<CommandPaletteHandler> Registered { get; } = [];

        public bool IsStarted { get; private set; }

        public static PetabridgeCmd Get(ActorSystem system) =>
            Doors.TryGetValue(system, out var known) ? known : Doors[system] = new PetabridgeCmd(system);

        public void RegisterCommandPalette(CommandPaletteHandler handler)
        {
            handler.OnRegister(this);
            Registered.Add(handler);
        }

        public void Start() => IsStarted = true;
    }
}
