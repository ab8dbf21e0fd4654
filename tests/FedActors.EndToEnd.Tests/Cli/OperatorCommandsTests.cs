using System.Text.Json.Nodes;
using FedActors.Actors.Tests.TestKit;

namespace FedActors.EndToEnd.Tests.Cli;

/// <summary>
/// An office, a hub and an operator at it, as processes: from the first certificate to the end of a job.
/// </summary>
public sealed class OperatorCommandsTests
{
    [Test]
    public void An_operator_founds_a_federation_checks_and_starts_its_hub_and_steers_it()
    {
        var folder = Directory.CreateTempSubdirectory("fedactors-").FullName;
        try
        {
            var (port, management) = (SmallFederation.FreePort(), SmallFederation.FreePort());
            string At(string name) => Path.Combine(folder, name);
            Done("provision", "init", "--office", At("office"), "--federation", "demo", "--host", "127.0.0.1",
                "--port", $"{port}");
            foreach (var site in (string[])["hub", "berlin", "madrid", "paris"])
            {
                Done("provision", "csr", "--name", site, "--dir", At(site));
                Done("provision", "sign", Path.Combine(At(site), site + ".csr"), "--office", At("office"));
            }
            Done("provision", "package", "--office", At("office"), "--site", "hub", "--out",
                Path.Combine(At("hub"), "kit"));
            var node = Path.Combine(At("hub"), "node.conf");
            File.WriteAllText(node, $$"""
                node {
                  role = hub
                  identity { kit = "kit", key = "hub.key" }
                  hub { management { port = {{management}} } }
                }
                """);
            Assert.That(Done("config", "validate", node), Does.Contain("is a node file"));
            Assert.That(Done("doctor", "--config", node), Does.EndWith("Ready.\n"));
            var at = $"127.0.0.1:{management}";
            Assert.That(Fedactors.Run("job", "list", "--node", at).ExitCode, Is.EqualTo(5), "Nobody is there yet.");

            using var hub = new Fedactors.RunningProcess(
                "dotnet", [Path.Combine(AppContext.BaseDirectory, "fedactors-node.dll"), "--config", node]);
            using var listens = new ManualResetEventSlim();
            hub.Said += line =>
            {
                if (line.Contains("management endpoint listens", StringComparison.Ordinal))
                    listens.Set();
            };
            Assert.That(listens.Wait(TimeSpan.FromSeconds(60))
                || Fedactors.Run("job", "list", "--node", at).ExitCode == 0, Is.True);

            var job = At("job.conf");
            File.WriteAllText(job, """
                job {
                  name = small, patients = 24
                  data {
                    files = [ { path = p.csv, hospital = berlin } ]
                    columns = [
                      { names = [x], type = number }
                      { names = [y], type = category, values = [a, b] }
                    ]
                    features = [ { column = x } ]
                    targets { y { column = y, positive = [a], negative = [b] } }
                    splits { own { sites = files, holdout = none, rest = test } }
                  }
                }
                """);
            Assert.That(
                JsonNode.Parse(Done("job", "submit", job, "--node", at, "--json"))!["accepted"]!.GetValue<bool>(),
                Is.True);
            Assert.That(Done("job", "list", "--node", at), Does.Contain("small").And.Contain("waiting"));
            Assert.That(Done("hospitals", "list", "--node", at), Does.Contain("berlin").And.Contain("away"));
            Assert.That(Done("rounds", "explain", "--node", at), Does.Contain("Job small waits for hospitals"));
            Assert.That(Done("cluster", "show", "--node", at), Does.Contain($"127.0.0.1:{port}"));
            Assert.That(Done("privacy", "status", "--node", at), Does.Contain("none"));
            Assert.That(Done("job", "abort", "small", "--reason", "a trial", "--node", at),
                Does.Contain("ends when its open round has ended"));
            Assert.That(Done("rounds", "watch", "--node", at), Does.Contain("Job small: aborted, a trial"));
            var (exit, _, error) = Fedactors.Run("job", "show", "other", "--node", at);
            Assert.That(exit, Is.EqualTo(4));
            Assert.That(error, Does.StartWith("FA-7093").And.Contain("There are: small."));
            Assert.That(Fedactors.Run("job", "list", "--node", "here").ExitCode, Is.EqualTo(4));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Done(params string[] arguments)
    {
        var (exit, output, error) = Fedactors.Run(arguments);
        Assert.That(exit, Is.Zero, $"{string.Join(' ', arguments)}\n{output}{error}");
        return output;
    }
}
