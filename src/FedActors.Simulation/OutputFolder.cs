using FedActors.Actors.Storage;
using FedActors.Core;

namespace FedActors.Simulation;

/// <summary>A run's folder, held by one process at a time: two runs on one journal would fight over every
/// event.</summary>
public sealed class OutputFolder : IDisposable
{
    private readonly FileStream _lock;

    private OutputFolder(string path, FileStream @lock) => (Path, _lock) = (path, @lock);

    public string Path { get; }

    /// <param name="fresh">Removes what an earlier run left: its journal and its results, nothing else.</param>
    /// <exception cref="FaultException">FA-3001 where it cannot be written, FA-3002 where another process holds
    /// it.</exception>
    public static OutputFolder Open(string path, bool fresh)
    {
        try
        {
            Directory.CreateDirectory(path);
            var folder =
                new OutputFolder(path, FolderLock.Hold(path) ?? throw new FaultException(ExitCode.Failed, new Fault(
                FaultNumber.OutputInUse, "Another run is writing to this folder.", path,
                "Wait for it, stop it, or give another folder with --out.")));
            if (fresh)
            {
                string[] left =
                [
                    "state.db", "state.db-wal", "state.db-shm", "hospitals.db", "hospitals.db-wal", "hospitals.db-shm",
                    "summary.json",
                    "rounds.jsonl", "model.json", "model.safetensors", "report.html",
                ];
                foreach (var file in left)
                    File.Delete(System.IO.Path.Combine(path, file));
                if (Directory.Exists(System.IO.Path.Combine(path, "spool")))
                    Directory.Delete(System.IO.Path.Combine(path, "spool"), recursive: true);
            }
            return folder;
        }
        catch (Exception e)
            when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new FaultException(ExitCode.Failed, new Fault(FaultNumber.OutputUnwritable,
                $"The folder for the results cannot be written: {e.Message.TrimEnd('.')}.", path,
                "Give another one with --out."));
        }
    }

    /// <summary>
    /// Where the simulated hospitals keep their privacy ledgers: beside the run and not in it, since what patients have
    /// lost is not undone by starting over, deleting the hub's state, or deleting the results.
    /// </summary>
    public string Ledgers => System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(Path)) + ".ledgers";

    public SimulationStorage OpenStorage() => SimulationStorage.In(Path);

    public void Dispose() => _lock.Dispose();
}
