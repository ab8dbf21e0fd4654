using System.Collections.Concurrent;
using System.Collections.Immutable;
using Akka.Actor;
using FedActors.Actors.Hosting;
using FedActors.Actors.Storage;
using FedActors.Core.Federation;
using FedActors.Core.Identity;
using FedActors.Core.Numerics;
using FedActors.Core.Privacy;
using FedActors.Core.Protocol;
using FedActors.Simulation;

namespace FedActors.Actors.Tests.TestKit;

/// <summary>Five hospitals with keys, policies and ledgers that outlive hubs and jobs; the test is who submits
/// jobs.</summary>
public abstract class PrivateConsortiumTest(string hocon = "") : ActorTest(hocon)
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fedactors-test-").FullName;
    private readonly ThrowawayConsortium _consortium = ThrowawayConsortium.Of(Cohort);
    private readonly ModelCache _models = new();

    protected static ImmutableArray<HospitalId> Cohort { get; } = [.. Plans.Sites().Select(site => site.Hospital)];

    protected SecureRoundTests.Lines Lines { get; } = new();

    protected Dictionary<HospitalId, IActorRef> Agents { get; } = [];

    protected Dictionary<HospitalId, PrivacyLedgerFile> Ledgers { get; } = [];

    /// <summary>Whom the hospitals train on.</summary>
    protected virtual HospitalSite[] Sites => Plans.Sites();

    [SetUp]
    public void StartHospitals()
    {
        foreach (var hospital in Cohort)
        {
            Ledgers[hospital] = Create(hospital);
            StartHospital(hospital);
        }
    }

    [TearDown]
    public void RemoveFolder()
    {
        foreach (var ledger in Ledgers.Values)
            ledger.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>On a hub of its own, which remembers nothing of any job before. Answers come to the test.</summary>
    protected void Start(string job, bool secure = true, int rounds = 1) => Start(Plan(job, secure, rounds));

    protected void Start(JobPlan plan)
    {
        var blobs = Sys.ActorOf(Props.Create<MemoryBlobs>(new ConcurrentDictionary<Digest, ImmutableArray<byte>>()));
        var hub = new HubServices(Lines, blobs, _models, TimeProvider.System, ActorRefs.Nobody, _consortium.Hub);
        Sys.ActorOf(Coordinator.Props(hub, $"hub-{plan.Name}")).Tell(
            new JobProtocol.StartJob(plan, PlanHash.Of(plan), Cohort, [.. new double[5]]), TestActor);
    }

    protected static JobPlan Plan(
        string job, bool secure = true, int rounds = 1, Algorithm algorithm = Algorithm.FedAvg)
    {
        var plan = Plans.Small(rounds: rounds, secure: secure, attempts: 2, algorithm: algorithm) with
        {
            Name = job,
            Privacy = new PrivacyPlan(
                secure ? PrivacyMode.PatientDistributed
                : PrivacyMode.PatientLocal, Epsilon: 2, Delta: 1e-5, MinimumSurvivors: 4),
        };
        return plan with { Training = plan.Training with { LocalSteps = 1 } };
    }

    /// <summary>Where a hospital's noise comes from.</summary>
    protected virtual IRandomSource RandomOf(HospitalId hospital) => SecureRandomSource.Instance;

    protected void StartHospital(HospitalId hospital)
    {
        var policy = SimulatedPrivacy.PolicyOf(hospital, 12) with { Scope = "ward" };
        var site = Sites.Single(site => site.Hospital == hospital) with
        {
            Security = _consortium.SecurityOf(hospital, new MemorySpool()) with { RequiresSecureSums = false },
            Privacy =
            new SitePrivacy(policy, Ledgers[hospital], null, RandomOf(hospital), TimeProvider.System),
        };
        Agents[hospital] = Sys.ActorOf(HospitalAgent.Props(site, _models));
        Lines.Attach(hospital, Agents[hospital]);
    }

    protected PrivacyLedgerFile Create(HospitalId hospital) => PrivacyLedgerFile.Create(
        PathOf(hospital), "ward", new CompositionRule(null, 0), isFlushed: false,
        DateTimeOffset.UnixEpoch.AddTicks(Ledgers.Count));

    protected string PathOf(HospitalId hospital) => Path.Combine(_folder, $"{hospital}.ledger");
}
