using System.Reflection;
using FedActors.Actors.Storage;
using FedActors.TestNode;

// fedactors-node or, with a command, fedactors, as they are shipped but for the class of their journals.
StateDatabase.JournalClass = $"{typeof(FailpointJournal).FullName}, {typeof(FailpointJournal).Assembly.GetName().Name}";
return (int)Assembly.Load(args is ["--config", ..] ? "fedactors-node" : "fedactors").EntryPoint!.Invoke(null, [args])!;
