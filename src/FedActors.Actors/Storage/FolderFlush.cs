using System.ComponentModel;
using System.Runtime.InteropServices;

namespace FedActors.Actors.Storage;

/// <summary>
/// Makes the names in a folder durable. A file that was flushed may still be gone after a power failure, where the folder that
/// names it was not; .NET opens no folder, so the C library does.
/// </summary>
internal static class FolderFlush
{
    private const int ReadOnly = 0;

    /// <param name="file">Whose folder it is.</param>
    /// <exception cref="IOException">It cannot be opened or flushed.</exception>
    public static void Of(string file)
    {
        // NTFS journals its names by itself.
        if (OperatingSystem.IsWindows())
            return;
        var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        var handle = Open(folder, ReadOnly);
        if (handle < 0)
            throw Failed(folder);
        try
        {
            if (Flush(handle) != 0)
                throw Failed(folder);
        }
        finally
        {
            _ = Close(handle);
        }
    }

    private static IOException Failed(string folder) =>
        new($"The folder {folder} cannot be flushed: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}.");

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static extern int Flush(int handle);

    [DllImport("libc", EntryPoint = "close", SetLastError = true)]
    private static extern int Close(int handle);
}
