using System.Text.Json;

namespace FedActors.EndToEnd.Tests.Samples;

/// <summary>The sample of six processes.</summary>
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

    [TestCase("2", 0)]
    [TestCase("3", 1)]
    [Platform(Include = "Linux")]
    public void Six_processes_train_under_noise_that_every_policy_allows_and_not_under_less(string epsilon, int exits)
    {
        var folder = Directory.CreateTempSubdirectory("fedactors-").FullName;
        try
        {
            using var sample = new Fedactors.RunningProcess("bash",
                [Path.Combine(Fedactors.Root, "samples", "federation-local", "run"), "--no-build", "--out", folder,
                    "--port", "17091", "--rounds", "3", "--bin", AppContext.BaseDirectory, "--epsilon", epsilon]);
            var (exitCode, output, error) = sample.Wait();

            Assert.That(exitCode, Is.EqualTo(exits), $"{output}\n{error}");
            Assert.That(output + error, exits == 0
                ? Does.Contain("spent         epsilon 2 at delta 1e-6").And.Contain("3 of 4 rounds charged")
                : Does.Contain("FA-6020").And.Not.Contain("spent"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
