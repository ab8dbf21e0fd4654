using System.Diagnostics;
using System.Runtime.Versioning;

namespace FedActors.EndToEnd.Tests.Resilience;

/// <summary>A site's disk is full while it trains, and has room again later.</summary>
[Platform(Include = "Linux")]
[SupportedOSPlatform("linux")]
[Category("Slow")]
public sealed class FullDiskTests
{
    private const int Rounds = 30;

    [TestCase("hub", "Job small pauses for", "database or disk is full")]
    [TestCase("berlin", "attempt 1 ended without a sum", "FA-")]
    public async Task A_full_disk_loses_nothing_and_the_job_goes_on_once_there_is_room(
        string site, string text, string reason)
    {
        await using var federation = new ProcessFederation();
        federation.Write(
            $"training {{ rounds = {Rounds} }}\ncohort {{ minimum = 3, attempts = 1000, deadline = 5s }}",
            "management.port = off");
        using var disk = new SmallDisk(federation.Office.PathOf(site, "state"));
        foreach (var node in federation.Nodes)
            federation.Start(node);
        await federation.WhoSaysAsync("Round 3 is committed", "hub");

        disk.Fill();
        await federation.WhoSaysAsync(text, "hub");
        Assert.That(federation.Heard.Split('\n').Where(line => line.Contains(text, StringComparison.Ordinal)),
            Has.Some.Contains(reason));
        disk.MakeRoom();

        await federation.WhoSaysAsync(
            $"is done after {Rounds} rounds: its model is {await federation.SimulateAsync()}", "hub");
        Assert.That(federation.Count("round-committed/1"), Is.EqualTo(Rounds));
        Assert.That(federation.Account().Lost, Is.Empty);
    }

    /// <summary>A file system in memory, which only root makes: without it the test is skipped.</summary>
    private sealed class SmallDisk : IDisposable
    {
        private readonly string _folder;

        public SmallDisk(string folder)
        {
            if (!Environment.IsPrivilegedProcess)
                Assert.Ignore("A small file system stands for the disk, and only root mounts one.");
            _folder = folder;
            Directory.CreateDirectory(folder);
            if (Run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder) != 0)
                Assert.Ignore("A small file system stands for the disk, and none can be mounted here.");
        }

        private string Ballast => Path.Combine(_folder, "ballast");

        public void Fill()
        {
            using var file = new FileStream(Ballast, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
            try
            {
                while (true)
                    file.Write(new byte[4096]);
            }
            catch (IOException)
            {
                // Full.
            }
        }

        public void MakeRoom() => File.Delete(Ballast);

        public void Dispose() => Run("umount", "--lazy", _folder);

        private static int Run(string program, params string[] arguments)
        {
            using var process = Process.Start(program, arguments);
            process.WaitForExit();
            return process.ExitCode;
        }
    }
}
