using System.Text.Json;

namespace FedActors.EndToEnd.Tests.Samples;

/// <summary>The sample of six processes, two of which are killed while it trains.</summary>
public sealed class FederationLocalTests
{
    private const int Rounds = 8;

    [Test]
    [Platform(Include = "Linux")]
    public void Six_processes_train_the_model_of_the_simulation_although_a_hospital_and_the_hub_are_killed()
    {
        var folder = Directory.CreateTempSubdirectory("fedactors-").FullName;
        try
        {
            using var sample = new Fedactors.RunningProcess("bash",
                [Path.Combine(Fedactors.Root, "samples", "federation-local", "run"), "--no-build", "--out", folder,
                    "--port", "17071", "--rounds", $"{Rounds}",
                    "--bin", AppContext.BaseDirectory, "--kill", "berlin@2", "--kill", "hub@4"]);
            var (exitCode, output, error) = sample.Wait();
            var logs =
                string.Join('\n', Directory.GetFiles(folder, "log", SearchOption.AllDirectories)
                    .Select(File.ReadAllText));

            Assert.That(exitCode, Is.Zero, $"{output}\n{error}\n{logs}");
            Assert.That(output,
                Does.Contain("berlin is killed").And.Contain("hub is killed").And.Contain(
                    "The two are the same, byte for byte."), output);
            using var result =
                JsonDocument.Parse(
                    File.ReadAllText(Path.Combine(folder, "hub", "state", "results", "breast-tumour.json")));
            Assert.That(result.RootElement.GetProperty("rounds").GetInt32(), Is.EqualTo(Rounds));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
