namespace FedActors.Actors.Storage;

/// <summary>Holds a folder for one process: two on one journal would fight over every event.</summary>
public static class FolderLock
{
    /// <summary>The lock, released when disposed; null where another process holds it.</summary>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public static FileStream? Hold(string folder)
    {
        try
        {
            return new FileStream(Path.Combine(folder, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite,
                FileShare.None);
        }
        // On Unix the runtime takes an advisory lock, and says so with this error; a missing right or room is another
        // one.
        catch (IOException e) when (e.HResult is 11 or 35 or unchecked((int)0x80070020))
        {
            return null;
        }
    }
}
