using System.Net.Sockets;
using System.Security.Authentication;
using FedActors.Actors.Configuration;
using FedActors.Actors.Provisioning;
using FedActors.Core;
using Npgsql;

namespace FedActors.Actors.Storage;

/// <summary>
/// A node's database on a PostgreSQL server. It is tried before any actor starts: what is wrong with it is told in
/// seconds and by name, where a journal would only say that it did not hear in time.
/// </summary>
public static class PostgresDatabase
{
    // The dialect that the library below speaks to any server from 15 on.
    private const string Provider = "PostgreSQL.15";

    // A connection that cannot be made in this time will not be; a leader that was stopped within a write lets go of
    // it after this.
    private const int Seconds = 5;

    private const string EpochSetting = "fedactors.epoch";

    /// <exception cref="FaultException">FA-7130 to FA-7137: it cannot be reached, used or trusted with a
    /// journal.</exception>
    public static StateDatabase Open(PostgresPlan plan)
    {
        var database = Of(StringOf(plan));
        try
        {
            using var connection = (NpgsqlConnection)database.Connect();
            using var command = connection.CreateCommand();
            command.CommandText = "SELECT current_setting('fsync') || '/' || current_setting('full_page_writes')";
            if (command.ExecuteScalar() is not "on/on")
                throw Refused(ExitCode.BadInput, FaultNumber.DatabaseNotDurable,
                    "The server does not wait for its disk (fsync or full_page_writes is off): writes could be lost.",
                    "host",
                    "Turn both on in postgresql.conf.");
            return database;
        }
        catch (PostgresException e)
        {
            throw e.SqlState switch
            {
                PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification =>
                    LoginRefused(e.MessageText),
                PostgresErrorCodes.InvalidCatalogName => Refused(ExitCode.BadInput, FaultNumber.DatabaseMissing,
                    $"There is no database '{plan.Database}' on the server.", "database",
                    $"Make it (createdb --owner={plan.User} {plan.Database}), or name the right one."),
                PostgresErrorCodes.InsufficientPrivilege =>
                Refused(ExitCode.BadInput, FaultNumber.DatabaseRightsMissing,
                    $"User '{plan.User}' may not make or write tables there: {e.MessageText}.", "user",
                    $"Make it the owner: ALTER DATABASE {plan.Database} OWNER TO {plan.User}."),
                PostgresErrorCodes.CannotConnectNow => Unreachable(e.MessageText),
                _ => Refused(ExitCode.CannotConnect, FaultNumber.DatabaseFailed,
                $"The database refused: {e.MessageText} ({e.SqlState}).", "host",
                    "See the server's log; a node needs a database that it may write."),
            };
        }
        catch (NpgsqlException e) when (e.GetBaseException() is SocketException or TimeoutException)
        {
            throw Unreachable(e.GetBaseException().Message);
        }
        catch (NpgsqlException e) when (e.GetBaseException() is AuthenticationException
            || e.Message.Contains("SSL", StringComparison.Ordinal))
        {
            throw Refused(ExitCode.CannotConnect, FaultNumber.DatabaseTlsFailed,
                $"No TLS with the server: {e.GetBaseException().Message.TrimEnd('.')}.",
                "tls",
                "Give the root of the server's certificate in root-certificate, and as host the name in it.");
        }
        catch (NpgsqlException e) when (e.Message.Contains("password", StringComparison.Ordinal))
        {
            throw LoginRefused("no password is given, and the server asks for one");
        }
        catch (NpgsqlException e)
        {
            throw Refused(ExitCode.CannotConnect, FaultNumber.DatabaseFailed,
                $"The database cannot be used: {e.Message.TrimEnd('.')}.", "host",
                "See the server's log; a node needs a database that it may write.");
        }

        FaultException Unreachable(string reason) => Refused(ExitCode.CannotConnect, FaultNumber.DatabaseUnreachable,
            $"The database does not answer at {plan.Host}:{plan.Port}: {reason.TrimEnd('.')}.", "host",
            "See that the server runs, that it listens there, and that no firewall stands between.");

        FaultException LoginRefused(string reason) => Refused(ExitCode.BadInput, FaultNumber.DatabaseLoginRefused,
            $"The server does not let '{plan.User}' in: {reason.TrimEnd('.')}.", plan.PasswordFile.Length > 0
            ? "password-file" : "user",
            "Give the user's password in that file, and let pg_hba.conf admit the user from this machine.");

        FaultException Refused(ExitCode exitCode, FaultNumber number, string what, string key, string fix) =>
            new(exitCode, new Fault(number, what, $"{plan.Place}.{key}", fix));
    }

    /// <summary>Whether a write failed because another node has claimed the lead since: the function that
    /// <see cref="Claim"/> makes is the only one here that raises an exception of its own.</summary>
    public static bool IsOfFormerLeader(Exception refusal) =>
        refusal.GetBaseException() is PostgresException { SqlState: PostgresErrorCodes.RaiseException };

    /// <summary>
    /// Takes the lead over everything that wrote to the database until now. Each write of what this returns is checked
    /// against the epoch within its own transaction: one of a leader that was paused meanwhile is refused, whenever it
    /// comes.
    /// </summary>
    /// <param name="database">With its tables made: the journal's come with its first use.</param>
    /// <exception cref="NpgsqlException">The database cannot be reached: nobody leads.</exception>
    internal static (StateDatabase Database, long Epoch) Claim(StateDatabase database)
    {
        using var connection = (NpgsqlConnection)database.Connect();
        using var transaction = connection.BeginTransaction();
        // The shared lock of a write keeps the row from changing until it is committed; whoever claims waits for it,
        // and a write that waited for a claim reads what it changed.
        using var command = new NpgsqlCommand($$"""
            SELECT pg_advisory_xact_lock(hashtext('fedactors-leader'));
            CREATE TABLE IF NOT EXISTS leader (id int PRIMARY KEY CHECK (id = 1), epoch bigint NOT NULL);
            INSERT INTO leader VALUES (1, 0) ON CONFLICT DO NOTHING;
            CREATE OR REPLACE FUNCTION refuse_other_epochs() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE
              held bigint;
              own bigint := nullif(current_setting('{{EpochSetting}}', true), '')::bigint;
            BEGIN
              SELECT epoch INTO held FROM leader FOR SHARE;
              IF own IS DISTINCT FROM held THEN
                RAISE EXCEPTION 'Another node leads this hub: the epoch is %, this write is of %.', held, own;
              END IF;
              RETURN NULL;
            END $$;
            CREATE OR REPLACE TRIGGER refuse_other_epochs BEFORE INSERT OR UPDATE OR DELETE ON journal
              FOR EACH STATEMENT EXECUTE FUNCTION refuse_other_epochs();
            CREATE OR REPLACE TRIGGER refuse_other_epochs BEFORE INSERT OR UPDATE OR DELETE ON blobs
              FOR EACH STATEMENT EXECUTE FUNCTION refuse_other_epochs();
            """, connection, transaction);
        command.ExecuteNonQuery();
        command.CommandText = "UPDATE leader SET epoch = epoch + 1 RETURNING epoch";
        var epoch = (long)command.ExecuteScalar()!;
        transaction.Commit();
        var own = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        own.Options += $" -c {EpochSetting}={epoch}";
        return (Of(own.ToString()), epoch);
    }

    private static StateDatabase Of(string connection) =>
        new(Provider, connection, () => new NpgsqlConnection(connection),
            "(sha256 TEXT PRIMARY KEY, bytes BYTEA NOT NULL)")
        {
            Claim = Claim,
        };

    private static string StringOf(PostgresPlan plan) => new NpgsqlConnectionStringBuilder
    {
        Host = plan.Host,
        Port = plan.Port,
        Database = plan.Database,
        Username = plan.User,
        Password = plan.PasswordFile.Length > 0 ? PrivateFile.ReadPassword(plan.PasswordFile) : null,
        SslMode = plan.Tls ? SslMode.VerifyFull : SslMode.Disable,
        RootCertificate = plan.RootCertificate.Length > 0 ? plan.RootCertificate : null,
        ApplicationName = "fedactors",
        Timeout = Seconds,
        CommandTimeout = 2 * Seconds,
        // A server may be set to acknowledge before it has written.
        Options = $"-c synchronous_commit=on -c idle_in_transaction_session_timeout={2 * Seconds}s",
    }.ToString();
}
