using System.Security.Cryptography;
using FedActors.Core;

namespace FedActors.Actors.Provisioning;

/// <summary>A file that holds a private key: made readable for its owner only, and refused where others can read it.</summary>
public static class PrivateFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>A password: the file's first line.</summary>
    /// <exception cref="FaultException">FA-7136: it cannot be read, is empty, or others can read it as
    /// well.</exception>
    public static string ReadPassword(string path)
    {
        if (IsOpenToOthers(path))
            throw Unreadable("Other users of this machine can read the password.",
                $"chmod 600 {path}; then give the database user another password.");
        try
        {
            return File.ReadLines(path).FirstOrDefault("") is { Length: > 0 } password
                ? password
                : throw Unreadable("The password file's first line is empty.",
                    "Write the password there, and nothing else.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable("The password file cannot be read.",
                "Name a file that this user may read, with the password in its first line.");
        }

        FaultException Unreadable(string what, string fix) =>
            new(new Fault(FaultNumber.PasswordUnreadable, what, path, fix));
    }

    /// <exception cref="IOException">The file exists, or cannot be written.</exception>
    public static void Write(string path, ECDsa key)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnerOnly;
        using var writer = new StreamWriter(path, options);
        writer.Write(key.ExportPkcs8PrivateKeyPem());
        writer.WriteLine();
    }

    /// <exception cref="FaultException">FA-7018: no key can be read; FA-7019: others can read it as well.</exception>
    public static ECDsa Read(string path)
    {
        if (IsOpenToOthers(path))
            throw new FaultException(new Fault(FaultNumber.KeyReadableByOthers, "Other users of this machine can read the private key.", path,
                $"chmod 600 {path}; if others may have read it already, have the certificate rotated."));
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(File.ReadAllText(path));
            return key;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            key.Dispose();
            throw new FaultException(new Fault(FaultNumber.KeyUnreadable,
                e is IOException or UnauthorizedAccessException ? "The private key cannot be read." : "The file holds no private key of P-256.", path,
                "Name the key that 'fedactors provision csr' made at this site; it never leaves it, so nobody else has a copy."));
        }
    }

    private static bool IsOpenToOthers(string path) =>
        !OperatingSystem.IsWindows() && File.Exists(path)
            && (File.GetUnixFileMode(path) & ~OwnerOnly & (UnixFileMode)0x3F) != 0;
}
