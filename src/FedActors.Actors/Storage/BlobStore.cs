using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Akka.Actor;
using FedActors.Core.Identity;
using Microsoft.Data.Sqlite;

namespace FedActors.Actors.Storage;

/// <summary>
/// Keeps models and running sums by their SHA-256, in the database that holds the journal. Parent: none. Children: none.
/// Lives on a dispatcher of its own, since it waits for the disk.
/// </summary>
public sealed class BlobStore : ReceiveActor
{
    /// <summary>Requester → store. Answered by <see cref="Stored"/> once durable, or <see cref="Failed"/>.</summary>
    public sealed record Put(Digest Name, ImmutableArray<byte> Bytes) : INoSerializationVerificationNeeded;

    public sealed record Stored(Digest Name) : INoSerializationVerificationNeeded;

    /// <summary>Requester → store. Answered by <see cref="Found"/>, <see cref="Missing"/> or <see cref="Failed"/>.</summary>
    public sealed record Get(Digest Name) : INoSerializationVerificationNeeded;

    public sealed record Found(Digest Name, ImmutableArray<byte> Bytes) : INoSerializationVerificationNeeded;

    /// <summary>There is no such blob, or its bytes are not those of its name.</summary>
    public sealed record Missing(Digest Name) : INoSerializationVerificationNeeded;

    /// <summary>Requester → store. The blob is not needed any more: it goes with the next <see cref="Put"/>. No answer.</summary>
    public sealed record Remove(Digest Name) : INoSerializationVerificationNeeded;

    /// <summary>The disk or the database refused.</summary>
    public sealed record Failed(Digest Name, string Reason) : INoSerializationVerificationNeeded;

    private readonly SqliteConnection _connection;

    // SQLite has one writer at a time, and a journal that meets a busy database sleeps 150 ms before it tries again. A
    // removal is never urgent, so it waits for a moment when this store writes anyway.
    private readonly HashSet<Digest> _unneeded = [];

    public BlobStore(string connectionString)
    {
        _connection = new SqliteConnection(connectionString);
        Receive<Put>(put => Try(put.Name, () =>
        {
            using var transaction = _connection.BeginTransaction();
            foreach (var name in _unneeded)
                Execute("DELETE FROM blobs WHERE sha256 = $name", name);
            Execute("INSERT OR IGNORE INTO blobs (sha256, bytes) VALUES ($name, $bytes)", put.Name, put.Bytes);
            transaction.Commit();
            _unneeded.Clear();
            return new Stored(put.Name);
        }));
        Receive<Get>(get => Try(get.Name, () =>
        {
            using var command = Command("SELECT bytes FROM blobs WHERE sha256 = $name", get.Name);
            return command.ExecuteScalar() is byte[] bytes && Digest.Of(bytes) == get.Name
                ? new Found(get.Name, ImmutableCollectionsMarshal.AsImmutableArray(bytes))
                : new Missing(get.Name);
        }));
        Receive<Remove>(remove => _unneeded.Add(remove.Name));
    }

    public static Props Props(string connectionString) =>
        Akka.Actor.Props.Create<BlobStore>(connectionString).WithDispatcher("fedactors.storage-dispatcher");

    protected override void PreStart()
    {
        _connection.Open();
        using var command = _connection.CreateCommand();
        command.CommandText = "CREATE TABLE IF NOT EXISTS blobs (sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID";
        command.ExecuteNonQuery();
    }

    protected override void PostStop() => _connection.Dispose();

    private void Try(Digest name, Func<object> work)
    {
        try
        {
            Sender.Tell(work());
        }
        catch (SqliteException e)
        {
            Sender.Tell(new Failed(name, e.Message));
        }
    }

    private void Execute(string sql, Digest name, ImmutableArray<byte>? bytes = null)
    {
        using var command = Command(sql, name);
        if (bytes is { } content)
            command.Parameters.AddWithValue("$bytes", ImmutableCollectionsMarshal.AsArray(content));
        command.ExecuteNonQuery();
    }

    private SqliteCommand Command(string sql, Digest name)
    {
        var command = _connection.CreateCommand();
        command.CommandText = sql;
        command.Parameters.AddWithValue("$name", name.ToString());
        return command;
    }
}
