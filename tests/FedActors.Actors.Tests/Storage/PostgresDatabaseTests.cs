using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Akka.Actor;
using FedActors.Actors.Configuration;
using FedActors.Actors.Storage;
using FedActors.Actors.Tests.TestKit;
using FedActors.Core;
using FedActors.Core.Identity;
using Npgsql;

namespace FedActors.Actors.Tests.Storage;

/// <summary>
/// What is wrong with a server is told before any actor starts; and a leader that was replaced writes nothing more.
/// </summary>
[SupportedOSPlatform("linux")]
[Platform(Include = "Linux")]
public sealed class PostgresDatabaseTests : ActorTest
{
    private static Postgres _server = null!;

    private readonly string _database = $"d{Guid.NewGuid():n}";

    [OneTimeSetUp]
    public static void StartServer() => _server = Postgres.Start();

    [OneTimeTearDown]
    public static void StopServer() => _server?.Dispose();

    [SetUp]
    public void CreateDatabase() => _server.CreateDatabase(_database);

    private PostgresPlan Plan => _server.Plan(_database);

    [Test]
    public void A_wrong_password_is_told_as_such()
    {
        using var folder = new Folder();

        Assert.That(() => PostgresDatabase.Open(Plan with { PasswordFile = folder.Private("wrong") }),
            Refused(FaultNumber.DatabaseLoginRefused, "password-file", ExitCode.BadInput));
    }

    [Test]
    public void A_server_that_asks_for_a_password_and_gets_none_is_told_as_such() => Assert.That(
        () => PostgresDatabase.Open(Plan with { PasswordFile = "" }),
        Refused(FaultNumber.DatabaseLoginRefused, "user", ExitCode.BadInput));

    [Test]
    public void A_user_that_does_not_exist_is_told_as_such() => Assert.That(
        () => PostgresDatabase.Open(Plan with { User = "nobody" }),
        Refused(FaultNumber.DatabaseLoginRefused, "password-file", ExitCode.BadInput));

    [Test]
    public void A_database_that_does_not_exist_is_named() => Assert.That(
        () => PostgresDatabase.Open(Plan with { Database = "fedactor" }),
        Refused(FaultNumber.DatabaseMissing, "database", ExitCode.BadInput));

    [Test]
    public void A_port_where_nobody_listens_is_told_as_such()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();

        Assert.That(() => PostgresDatabase.Open(Plan with { Port = port }),
            Refused(FaultNumber.DatabaseUnreachable, "host", ExitCode.CannotConnect));
    }

    [Test]
    public void A_port_that_takes_the_call_and_says_nothing_is_told_as_such()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();

        Assert.That(() => PostgresDatabase.Open(Plan with { Port = ((IPEndPoint)listener.LocalEndpoint).Port }),
            Refused(FaultNumber.DatabaseUnreachable, "host", ExitCode.CannotConnect));
    }

    [Test]
    public void A_host_that_does_not_exist_is_told_as_such() => Assert.That(
        () => PostgresDatabase.Open(Plan with { Host = "db.invalid" }),
        Refused(FaultNumber.DatabaseUnreachable, "host", ExitCode.CannotConnect));

    [Test]
    public void A_server_without_TLS_is_refused_where_TLS_is_asked_for() => Assert.That(
        () => PostgresDatabase.Open(Plan with { Tls = true }),
        Refused(FaultNumber.DatabaseTlsFailed, "tls", ExitCode.CannotConnect));

    [Test]
    public void A_user_who_may_not_make_tables_is_told_as_such()
    {
        _server.Execute(_database, $"CREATE ROLE \"{_database}\" LOGIN PASSWORD '{Postgres.Password}'");

        Assert.That(() => PostgresDatabase.Open(Plan with { User = _database }),
            Refused(FaultNumber.DatabaseRightsMissing, "user", ExitCode.BadInput));
    }

    [Test]
    public void A_database_that_may_only_be_read_is_refused()
    {
        _server.Execute("postgres", $"ALTER DATABASE \"{_database}\" SET default_transaction_read_only = on");

        Assert.That(() => PostgresDatabase.Open(Plan),
            Refused(FaultNumber.DatabaseFailed, "host", ExitCode.CannotConnect));
    }

    [Test]
    public void A_server_that_does_not_wait_for_its_disk_is_refused()
    {
        Set("off");
        try
        {
            Assert.That(() => PostgresDatabase.Open(Plan),
                Refused(FaultNumber.DatabaseNotDurable, "host", ExitCode.BadInput));
        }
        finally
        {
            Set("on");
        }

        // A new session reads the setting as soon as the server has.
        void Set(string value)
        {
            _server.Execute("postgres", $"ALTER SYSTEM SET fsync = {value}");
            _server.Execute("postgres", "SELECT pg_reload_conf()");
            while (_server.Scalar("postgres", "SHOW fsync") is not string now || now != value)
                continue;
        }
    }

    [Test]
    public void A_password_that_others_can_read_is_refused()
    {
        using var folder = new Folder();
        var file = folder.Private("secret");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);

        Assert.That(() => PostgresDatabase.Open(Plan with { PasswordFile = file }),
            Refused(FaultNumber.PasswordUnreadable, file, ExitCode.BadInput));
    }

    [Test]
    public void No_refusal_repeats_the_password()
    {
        using var folder = new Folder();
        var refused = Assert.Throws<FaultException>(() =>
            PostgresDatabase.Open(Plan with { PasswordFile = folder.Private("hunter2") }));

        Assert.That(refused!.ToString(), Does.Not.Contain("hunter2"));
    }

    [Test]
    public void Nodes_that_open_a_new_database_at_the_same_moment_all_have_it()
    {
        const int Nodes = 6;
        for (var attempt = 0; attempt < 5; attempt++)
        {
            var database = $"{_database}-{attempt}";
            _server.CreateDatabase(database);
            using var barrier = new Barrier(Nodes);
            var nodes = Enumerable.Range(0, Nodes).Select(_ => Task.Factory.StartNew(() =>
            {
                barrier.SignalAndWait();
                PostgresDatabase.Open(_server.Plan(database));
            }, TaskCreationOptions.LongRunning)).ToArray();

            Assert.That(() => Task.WaitAll(nodes), Throws.Nothing);
        }
    }

    [Test]
    public void Blobs_are_kept_found_and_taken_away()
    {
        var store = Sys.ActorOf(BlobStore.Props(PostgresDatabase.Open(Plan)));
        var (one, two) = (Bytes(1), Bytes(2));
        Put(store, one);
        store.Tell(new BlobStore.Remove(Digest.Of(one.AsSpan())), TestActor);
        Put(store, two);
        store.Tell(new BlobStore.Get(Digest.Of(two.AsSpan())), TestActor);
        Assert.That(ExpectMsg<BlobStore.Found>().Bytes, Is.EqualTo(two));
        store.Tell(new BlobStore.Get(Digest.Of(one.AsSpan())), TestActor);
        ExpectMsg<BlobStore.Missing>();
    }

    [Test]
    public void A_store_whose_connection_was_cut_says_so_once_and_then_goes_on()
    {
        var store = Sys.ActorOf(BlobStore.Props(PostgresDatabase.Open(Plan)));
        Put(store, Bytes(1));
        _server.Execute("postgres",
            $"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{_database}'");
        NpgsqlConnection.ClearAllPools();

        store.Tell(new BlobStore.Get(Digest.Of(Bytes(1).AsSpan())), TestActor);
        ExpectMsg<BlobStore.Failed>();
        store.Tell(new BlobStore.Get(Digest.Of(Bytes(1).AsSpan())), TestActor);
        ExpectMsg<BlobStore.Found>();
    }

    [Test]
    public void A_leader_that_was_replaced_writes_nothing_more_and_takes_nothing_away()
    {
        var database = PostgresDatabase.Open(Plan);
        _server.Execute(_database, "CREATE TABLE journal (n int)");
        var (old, first) = PostgresDatabase.Claim(database);
        Write(old);

        var (next, second) = PostgresDatabase.Claim(database);

        Assert.That(second, Is.EqualTo(first + 1));
        Write(next);
        foreach (var stale in (StateDatabase[])[old, database])
            Assert.That(() => Write(stale),
                Throws.InstanceOf<PostgresException>().With.Message.Contains("Another node leads this hub")
                    .And.Matches<Exception>(PostgresDatabase.IsOfFormerLeader));
        Assert.That(() => Execute(old, "DELETE FROM blobs"), Throws.InstanceOf<PostgresException>());
        Assert.That(_server.Scalar(_database, "SELECT count(*) FROM journal"), Is.EqualTo(2L));
    }

    [Test]
    public void A_claim_waits_for_a_write_that_is_under_way_and_refuses_the_next()
    {
        var database = PostgresDatabase.Open(Plan);
        _server.Execute(_database, "CREATE TABLE journal (n int)");
        var (old, _) = PostgresDatabase.Claim(database);
        using var connection = old.Connect();
        using var transaction = connection.BeginTransaction();
        using var insert = connection.CreateCommand();
        (insert.CommandText, insert.Transaction) = ("INSERT INTO journal VALUES (1)", transaction);
        insert.ExecuteNonQuery();

        var claim = Task.Run(() => PostgresDatabase.Claim(database));
        while (_server.Scalar(_database, "SELECT count(*) FROM pg_locks WHERE NOT granted") is 0L)
            Assert.That(claim.IsCompleted, Is.False, "The claim did not wait for the write.");
        transaction.Commit();

        Assert.That(() => claim.Wait(TimeSpan.FromSeconds(60)), Is.True);
        Assert.That(() => Execute(old, "INSERT INTO journal VALUES (2)"), Throws.InstanceOf<PostgresException>());
        Assert.That(_server.Scalar(_database, "SELECT count(*) FROM journal"), Is.EqualTo(1L));
    }

    private static void Write(StateDatabase database) => Execute(database, "INSERT INTO journal VALUES (1)");

    private static void Execute(StateDatabase database, string sql)
    {
        using var connection = database.Connect();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private void Put(IActorRef store, ImmutableArray<byte> bytes)
    {
        store.Tell(new BlobStore.Put(Digest.Of(bytes.AsSpan()), bytes), TestActor);
        ExpectMsg<BlobStore.Stored>();
    }

    private static ImmutableArray<byte> Bytes(byte content) => [.. Enumerable.Repeat(content, 1000)];

    private static NUnit.Framework.Constraints.Constraint Refused(FaultNumber number, string place,
        ExitCode exitCode) =>
        Throws.InstanceOf<FaultException>().With.Matches<FaultException>(refused =>
            refused.Faults.Single() is var fault && fault.Number == number && fault.Fix.Length > 0
                && refused.ExitCode == exitCode
            && fault.Where.EndsWith(place, StringComparison.Ordinal));

    private sealed class Folder : IDisposable
    {
        private readonly string _path = Directory.CreateTempSubdirectory("fedactors-").FullName;

        public string Private(string text)
        {
            var file = Path.Combine(_path, "password");
            File.WriteAllText(file, text);
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            return file;
        }

        public void Dispose() => Directory.Delete(_path, recursive: true);
    }
}
