using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Akka.Actor;
using Akka.Configuration;
using FedActors.Actors;
using FedActors.Actors.Configuration;
using FedActors.Actors.Hosting;
using FedActors.Actors.Storage;
using FedActors.Core;
using FedActors.Core.Data;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Models;
using FedActors.Core.Protocol;

namespace FedActors.Simulation;

/// <summary>
/// A hub and its hospitals in one process: the same Coordinator, RoundSupervisor, SecureAggregator and HospitalAgents
/// that a federation of nodes runs.
/// </summary>
public sealed class InProcessFederation : IAsyncDisposable
{
    private readonly ActorSystem _system;
    private readonly IActorRef _coordinator;
    private readonly ImmutableArray<IActorRef> _hospitals;

    private readonly string _ledgers;

    private InProcessFederation(
        ActorSystem system, IActorRef coordinator, ImmutableArray<IActorRef> hospitals, string? ledgers) =>
        (_system, _coordinator, _hospitals, _ledgers) = (system, coordinator, hospitals, ledgers ?? "");

    /// <param name="plan">Says which model is judged, and whether sums are secure.</param>
    /// <param name="patients">Every hospital with those it trains on.</param>
    /// <param name="judged">Held-out patients that models are evaluated on, or null for no evaluation.</param>
    /// <param name="keptBack">Those that hospitals evaluate on by themselves; one that is not in it has none but those
    /// it trains on.</param>
    /// <param name="privacy">The hospitals' policies and ledgers; null where the job has no noise.</param>
    public static InProcessFederation Start(
        JobPlan plan, IReadOnlyCollection<KeyValuePair<HospitalId, PatientTable>> patients, SimulationStorage storage,
        PatientTable? judged,
        IReadOnlyDictionary<HospitalId, PatientTable>? keptBack = null, SimulatedPrivacy? privacy = null)
    {
        var config = ConfigurationFactory.ParseString($$"""
            # No heartbeat is at stake here, and dedicated threads that wait for a thousand short fits spend their time spinning.
            fedactors.training-dispatcher { type = Dispatcher, executor = thread-pool-executor, throughput = 1 }
            """)
            .WithFallback(storage.PersistenceConfig()).WithFallback(Reference.Config);
        var system = ActorSystem.Create("fedactors", config);
        var (hospitals, models) = (new LocalHospitals(), new ModelCache());
        var agents = ImmutableArray.CreateBuilder<IActorRef>(patients.Count);
        var consortium = plan.SecureAggregation.Enabled
            ? ThrowawayConsortium.Of([.. patients.Select(pair => pair.Key)])
            : null;
        foreach (var (hospital, table) in patients)
        {
            var security = consortium?.SecurityOf(hospital, storage.SpoolOf(hospital));
            // With plain sums and no privacy a hospital has nothing to write, so its journal may be the memory's.
            var journal = security is null ? SimulationStorage.MemoryJournal : storage.HospitalJournal;
            var own = plan.Training.KeepsOwnState ? storage.OwnOf(hospital) : null;
            var agent = HospitalAgent.Props(
                new HospitalSite(hospital, table, security, own,
                    keptBack?.GetValueOrDefault(hospital))
                { Privacy = privacy?.Of(hospital) },
                models, journal);
            var started = system.ActorOf(agent, $"hospital-{hospital}");
            hospitals.Attach(hospital, started);
            agents.Add(started);
        }
        var blobs = system.ActorOf(BlobStore.Props(storage.Hub), "blobs");
        var evaluator = judged is null ? ActorRefs.Nobody
            : system.ActorOf(ModelEvaluator.Props(judged, plan.Model), "evaluator");
        var hub = new HubServices(hospitals, blobs, models, TimeProvider.System, evaluator, consortium?.Hub);
        return new InProcessFederation(system, system.ActorOf(Coordinator.Props(hub), "coordinator"),
            agents.ToImmutable(), privacy?.Folder);
    }

    /// <summary>Ends when every hospital stands. A run need not wait for it; a measure of rounds must.</summary>
    public Task StandAsync(CancellationToken cancel) =>
        Task.WhenAll(_hospitals.Select(hospital => hospital.Ask<ActorIdentity>(new Identify(null), cancel)));

    /// <summary>Trains until every round is committed, going on where the journal ends.</summary>
    /// <param name="identity">What must be the same for a run to go on: the plan's hash, and the data's.</param>
    /// <param name="watch">Hears of every step, one at a time.</param>
    /// <exception cref="FaultException">The journal holds another job, or the job cannot go on.</exception>
    public async Task<ImmutableArray<RoundRecord>> RunAsync(
        JobPlan plan, Digest identity, ImmutableArray<HospitalId> roster, Action<JobProtocol.IJobMessage> watch,
        CancellationToken cancel)
    {
        var initial = new double[ModelCatalog.Create(plan.Model).ParameterCount];
        ModelCatalog.Create(plan.Model).Initialize(initial, plan.Seed);
        var done =
            new TaskCompletionSource<ImmutableArray<RoundRecord>>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var _ = cancel.Register(() => done.TrySetCanceled(cancel));
        var start = new JobProtocol.StartJob(
            plan, identity, roster, ImmutableCollectionsMarshal.AsImmutableArray(initial));
        _system.ActorOf(Props.Create<Submitter>(start, _coordinator, _hospitals, _ledgers, watch, done), "submitter");
        return await done.Task;
    }

    public async ValueTask DisposeAsync() => await _system.Terminate();

    /// <summary>Starts the job and hears how it goes. Parent: the run. Children: none.</summary>
    private sealed class Submitter : ReceiveActor
    {
        private readonly List<RoundRecord> _records = [];

        public Submitter(
            JobProtocol.StartJob start, IActorRef coordinator,
            ImmutableArray<IActorRef> hospitals, string ledgers, Action<JobProtocol.IJobMessage> watch,
            TaskCompletionSource<ImmutableArray<RoundRecord>> done)
        {
            Receive<JobProtocol.IJobMessage>(message =>
            {
                watch(message);
                switch (message)
                {
                    case JobProtocol.JobStarted started:
                        _records.AddRange(started.Committed);
                        break;
                    case JobProtocol.RoundReported reported:
                        _records.Add(reported.Record);
                        break;
                    case JobProtocol.JobFinished:
                        done.TrySetResult([.. _records]);
                        break;
                    case JobProtocol.JobRefused refused:
                        done.TrySetException(
                            new FaultException(new Fault(FaultNumber.OutputHoldsAnotherJob, refused.Reason, "",
                            "Give another --out, or --fresh to start over there.")));
                        break;
                    case JobProtocol.JobFailed refused when refused.Number.IsRefusal():
                        done.TrySetException(
                            new FaultException(ExitCode.Refused, new Fault(refused.Number, refused.Reason, ledgers,
                            "The hospitals' policies and ledgers decide, not the hub: ask for less, or ask their "
                                + "data officers.")));
                        break;
                    case JobProtocol.JobFailed failed:
                        done.TrySetException(
                            new FaultException(ExitCode.Failed, new Fault(failed.Number, failed.Reason, "",
                            "What was committed stays; mend the cause and run the same command again.")));
                        break;
                }
            });
            Receive<Terminated>(stopped =>
                done.TrySetException(new FaultException(ExitCode.Failed, new Fault(FaultNumber.JournalFailed,
                $"The {stopped.ActorRef.Path.Name} stopped: its journal cannot be read or written.", "",
                "See that the folder is writable, has room, and that no other program holds state.db; then run the "
                    + "same command again."))));
            Context.Watch(coordinator);
            foreach (var hospital in hospitals)
                Context.Watch(hospital);
            coordinator.Tell(start);
        }
    }
}
