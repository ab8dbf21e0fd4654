using System.Runtime.Versioning;
using System.Text;
using FedActors.Actors.Storage;
using FedActors.TestNode;

namespace FedActors.EndToEnd.Tests.Resilience;

/// <summary>Failpoints stand at every event that any journal holds, and in no build that is shipped.</summary>
[Platform(Include = "Linux")]
[SupportedOSPlatform("linux")]
public sealed class FailpointTests
{
    private static readonly string[] Events =
    [
        "JobAccepted", "RoundOpened", "KeysFixed", "SharesFixed", "RoundAborted", "AttemptFailed", "MaskedReady",
        "SurvivorSetFixed", "SurvivorSetSigned", "SharesReleased", "RoundCommitted",
    ];

    [Test]
    public void Every_event_of_every_journal_has_failpoints() =>
        Assert.That(Events, Is.EquivalentTo(JournalSerializer.Manifests.Keys.Select(FailpointJournal.NameOf)));

    [Test]
    public void No_node_that_is_shipped_knows_of_failpoints()
    {
        string[] shipped = ["fedactors.dll", "fedactors-node.dll", "FedActors.Actors.dll", "FedActors.Core.dll"];

        Assert.That(
            Holders("FEDACTORS_FAILPOINT", [.. shipped, "fedactors-testnode.dll"]),
            Is.EqualTo((string[])["fedactors-testnode.dll"]));

        // Texts stand in an assembly as UTF-16.
        static IEnumerable<string> Holders(string text, IEnumerable<string> files) => files.Where(file =>
            File.ReadAllBytes(InBin(file)).AsSpan().IndexOf(Encoding.Unicode.GetBytes(text)) >= 0);
    }

    private static string InBin(string file) => Path.Combine(AppContext.BaseDirectory, file);
}
