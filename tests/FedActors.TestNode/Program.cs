using System.Reflection;
using FedActors.Actors.Storage;
using FedActors.TestNode;

// fedactors-node as it is shipped, but for the class of its journal.
StateDatabase.JournalClass = $"{typeof(FailpointJournal).FullName}, {typeof(FailpointJournal).Assembly.GetName().Name}";
return (int)Assembly.Load("fedactors-node").EntryPoint!.Invoke(null, [args])!;
