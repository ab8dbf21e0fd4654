namespace FedActors.Actors.Configuration;

/// <summary>
/// The databases that a node can keep its journal in: there is no other, whatever the library below would guess.
/// </summary>
public enum StorageProvider { Sqlite = 1, Postgresql = 2 }

/// <param name="Postgresql">Null for SQLite.</param>
public sealed record StoragePlan(StorageProvider Provider, PostgresPlan? Postgresql)
{
    public static StoragePlan Sqlite { get; } = new(StorageProvider.Sqlite, null);
}

/// <summary>A database on a server.</summary>
/// <param name="Place">File and key path of the section, as faults name it.</param>
/// <param name="PasswordFile">Empty: no password is sent.</param>
/// <param name="Tls">With the server's certificate and name checked.</param>
/// <param name="RootCertificate">PEM; empty: the machine's own roots.</param>
public sealed record PostgresPlan(
    string Place, string Host, int Port, string Database, string User, string PasswordFile, bool Tls,
    string RootCertificate);
