using Akka.Configuration;
using Akka.TestKit;

namespace FedActors.Actors.Tests.TestKit;

/// <summary>
/// One actor system for each test case, with <c>reference.conf</c>'s defaults, real time, and the
/// <see cref="FaultyJournal"/>, which keeps events in memory and fails only when told to (<see cref="Journal"/>).
/// Recovery is tested by stopping an actor and making it again in the same system.
/// </summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public abstract class ActorTest : TestKitBase, IDisposable
{
    private static int _systems;

    /// <param name="hocon">Goes before everything else.</param>
    protected ActorTest(string hocon = "") : base(NUnitAssertions.Instance, ConfigOf(hocon), UniqueName())
    {
    }

    /// <summary>What the journal is to do wrong.</summary>
    protected JournalFaults Journal => JournalFaults.Of(Sys);

    public void Dispose()
    {
        Shutdown(TimeSpan.FromSeconds(10), verifySystemShutdown: true);
        GC.SuppressFinalize(this);
    }

    private static Config ConfigOf(string hocon) =>
        ConfigurationFactory.ParseString(hocon)
            .WithFallback(ConfigurationFactory.ParseString($$"""
                akka {
                  loglevel = WARNING
                  stdout-loglevel = OFF
                  log-dead-letters = off
                  persistence {
                    journal.plugin = "fedactors.tests.faulty-journal"
                    snapshot-store.plugin = "akka.persistence.snapshot-store.inmem"
                  }
                }
                fedactors.tests.faulty-journal {
                  class = "{{typeof(FaultyJournal).AssemblyQualifiedName}}"
                  plugin-dispatcher = "akka.actor.default-dispatcher"
                  # An open breaker would fail writes that no test asked to fail.
                  circuit-breaker { max-failures = 1000000, call-timeout = 20s, reset-timeout = 30s }
                }
                """))
            .WithFallback(Actors.Configuration.Reference.Config)
            .WithFallback(DefaultConfig);

    private static string UniqueName() => $"test-{Environment.ProcessId}-{Interlocked.Increment(ref _systems)}";
}
