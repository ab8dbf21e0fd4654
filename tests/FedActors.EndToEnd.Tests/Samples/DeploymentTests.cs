using System.Diagnostics;
using System.Text.RegularExpressions;

namespace FedActors.EndToEnd.Tests.Samples;

/// <summary>The unit and the compose file as text: what they name is there. No engine runs them here.</summary>
public sealed partial class DeploymentTests
{
    private static readonly string Systemd = Path.Combine(Fedactors.Root, "samples", "systemd",
        "fedactors-node.service");
    private static readonly string Docker = Path.Combine(Fedactors.Root, "samples", "docker");

    [Test]
    public void The_unit_starts_what_the_pack_leaves_with_a_folder_that_the_node_files_name()
    {
        var unit = File.ReadAllText(Systemd);

        Assert.That(unit,
            Does.Contain(
            "ExecStart=/usr/bin/dotnet /opt/fedactors/fedactors-node.dll --config /etc/fedactors/node.conf"));
        Assert.That(File.Exists(Path.Combine(AppContext.BaseDirectory, "fedactors-node.dll")), Is.True);
        var folder = "/var/lib/" + StateDirectory().Match(unit).Groups[1].Value;
        foreach (var file in (string[])["coordinator.conf", "hospital.conf"])
            Assert.That(File.ReadAllText(Path.Combine(Fedactors.Root, "hocon", file)),
                Does.Contain($"data = \"{folder}\""), file);
    }

    [Test]
    public void Systemd_finds_nothing_wrong_with_the_unit()
    {
        const string analyze = "/usr/bin/systemd-analyze";
        if (!File.Exists(analyze))
            Assert.Ignore("systemd-analyze is not installed.");
        var folder = Directory.CreateTempSubdirectory("fedactors-").FullName;
        try
        {
            var copy = Path.Combine(folder, Path.GetFileName(Systemd));
            // The program need not be where this test runs.
            File.WriteAllText(copy,
                File.ReadAllText(Systemd).Replace("/usr/bin/dotnet", "/bin/true", StringComparison.Ordinal));
            using var verify = Process.Start(new ProcessStartInfo(analyze,
                ["verify", copy])
            { RedirectStandardError = true })!;
            var error = verify.StandardError.ReadToEnd();
            verify.WaitForExit();
            Assert.That((verify.ExitCode, error), Is.EqualTo((0, "")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void The_compose_file_builds_from_the_pack_and_mounts_what_the_node_reads_and_writes()
    {
        var (compose, image) = (File.ReadAllText(Path.Combine(Docker, "docker-compose.yml")),
            File.ReadAllText(Path.Combine(Docker, "Dockerfile")));

        Assert.That(File.ReadAllText(Path.Combine(Fedactors.Root, "build.cake")), Does.Contain("{artifacts}/{project}")
            .And.Contain("FedActors.Node"));
        foreach (Match context in Context().Matches(compose))
        {
            Assert.That(Path.GetFullPath(Path.Combine(Docker, context.Groups[1].Value)),
                Is.EqualTo(Path.Combine(Fedactors.Root, "artifacts", "FedActors.Node")));
            Assert.That(
                File.Exists(Path.Combine(Fedactors.Root, "artifacts", "FedActors.Node", context.Groups[2].Value))
                || File.Exists(Path.Combine(Docker, Path.GetFileName(context.Groups[2].Value))), Is.True);
        }
        Assert.That(Context().Matches(compose), Has.Count.EqualTo(2));
        Assert.That(image, Does.Contain("\"/opt/fedactors/fedactors-node.dll\"")
            .And.Contain("\"--config\", \"/etc/fedactors/node.conf\""));
        foreach (var mount in (string[])["/etc/fedactors:ro", "/var/lib/fedactors"])
            Assert.That(compose.Split(mount), Has.Length.EqualTo(3), mount);
        Assert.That(compose, Does.Not.Contain("7072"), "The management endpoint stays on loopback.");
    }

    [GeneratedRegex("^StateDirectory=(.+)$", RegexOptions.Multiline)]
    private static partial Regex StateDirectory();

    [GeneratedRegex(@"context: (\S+), dockerfile: (\S+) ")]
    private static partial Regex Context();
}
