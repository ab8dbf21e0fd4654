using System.Collections.Immutable;
using System.Data;
using System.Data.Common;
using System.Runtime.InteropServices;
using Akka.Actor;
using FedActors.Core.Identity;

namespace FedActors.Actors.Storage;

/// <summary>
/// Keeps models and running sums by their SHA-256, in the database that holds the journal. Parent: none. Children:
/// none. Lives on a dispatcher of its own, since it waits for the disk.
/// </summary>
public sealed class BlobStore : ReceiveActor
{
    /// <summary>Requester → store. Answered by <see cref="Stored"/> once durable, or <see cref="Failed"/>.</summary>
    public sealed record Put(Digest Name, ImmutableArray<byte> Bytes) : INoSerializationVerificationNeeded;

    public sealed record Stored(Digest Name) : INoSerializationVerificationNeeded;

    /// <summary>Requester → store. Answered by <see cref="Found"/>, <see cref="Missing"/> or
    /// <see cref="Failed"/>.</summary>
    public sealed record Get(Digest Name) : INoSerializationVerificationNeeded;

    public sealed record Found(Digest Name, ImmutableArray<byte> Bytes) : INoSerializationVerificationNeeded;

    /// <summary>There is no such blob, or its bytes are not those of its name.</summary>
    public sealed record Missing(Digest Name) : INoSerializationVerificationNeeded;

    /// <summary>Requester → store. The blob is not needed any more: it goes with the next <see cref="Put"/>. No
    /// answer.</summary>
    public sealed record Remove(Digest Name) : INoSerializationVerificationNeeded;

    /// <summary>The disk or the database refused.</summary>
    public sealed record Failed(Digest Name, string Reason) : INoSerializationVerificationNeeded;

    private readonly StateDatabase _database;

    // Kept open while it is well: a database in memory ends with it.
    private DbConnection? _connection;

    // SQLite has one writer at a time, and a journal that meets a busy database sleeps 150 ms before it tries again. A
    // removal is never urgent, so it waits for a moment when this store writes anyway.
    private readonly HashSet<Digest> _unneeded = [];

    public BlobStore(StateDatabase database)
    {
        _database = database;
        Receive<Put>(put => Try(put.Name, connection =>
        {
            using var transaction = connection.BeginTransaction();
            foreach (var name in _unneeded)
                Execute("DELETE FROM blobs WHERE sha256 = @name", name);
            Execute("INSERT INTO blobs (sha256, bytes) VALUES (@name, @bytes) ON CONFLICT (sha256) DO NOTHING",
                put.Name, put.Bytes);
            transaction.Commit();
            _unneeded.Clear();
            return new Stored(put.Name);

            void Execute(string sql, Digest name, ImmutableArray<byte>? bytes = null)
            {
                using var command = Command(connection, sql, name, bytes);
                command.Transaction = transaction;
                command.ExecuteNonQuery();
            }
        }));
        Receive<Get>(get => Try(get.Name, connection =>
        {
            using var command = Command(connection, "SELECT bytes FROM blobs WHERE sha256 = @name", get.Name);
            return command.ExecuteScalar() is byte[] bytes && Digest.Of(bytes) == get.Name
                ? new Found(get.Name, ImmutableCollectionsMarshal.AsImmutableArray(bytes))
                : new Missing(get.Name);
        }));
        Receive<Remove>(remove => _unneeded.Add(remove.Name));
    }

    public static Props Props(StateDatabase database) =>
        Akka.Actor.Props.Create<BlobStore>(database).WithDispatcher("fedactors.storage-dispatcher");

    protected override void PostStop() => _connection?.Dispose();

    private void Try(Digest name, Func<DbConnection, object> work)
    {
        try
        {
            if (_connection is not { State: ConnectionState.Open })
            {
                _connection?.Dispose();
                _connection = _database.Connect();
            }
            Sender.Tell(work(_connection));
        }
        catch (DbException e)
        {
            Sender.Tell(new Failed(name, e.Message));
            FormerLeader.EndsAt(e, Context.System);
        }
    }

    private static DbCommand Command(DbConnection connection, string sql, Digest name,
        ImmutableArray<byte>? bytes = null)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        Add("@name", name.ToString());
        if (bytes is { } content)
            Add("@bytes", ImmutableCollectionsMarshal.AsArray(content)!);
        return command;

        void Add(string parameter, object value)
        {
            var item = command.CreateParameter();
            (item.ParameterName, item.Value) = (parameter, value);
            command.Parameters.Add(item);
        }
    }
}
