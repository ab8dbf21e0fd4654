using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Akka.Event;
using FedActors.Actors.Provisioning;
using FedActors.Core;
using FedActors.Core.Identity;
using FedActors.Core.Links;
using FedActors.Core.Protocol;

namespace FedActors.Actors.Wire;

/// <summary>
/// Hands large models to hospitals, each on a connection of its own beside the actors' one: there, they would cost
/// three times as much, and stand between the actors' messages. Lets in whom the hub's edge lets in, and hands out what
/// the <see cref="ModelShelf"/> has for that hospital. What is said: <see cref="ModelRequest"/>.
/// </summary>
public sealed class ModelPort : IAsyncDisposable
{
    /// <summary>Connections that have not shown a certificate yet; more are closed at once.</summary>
    public const int MostUnproven = 64;

    private const int PieceBytes = 4 * RoundProtocol.ChunkBytes;

    // Of a connection: until it is made and has asked, and from then on until it has taken the next piece.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    // Where the system has no connection to give: before the next try.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly CancellationTokenSource _ended = new();
    private readonly ConcurrentDictionary<HospitalId, Socket> _served = new();
    private readonly Socket _listener;
    private readonly SslServerAuthenticationOptions _tls;
    private readonly Admission _admission;
    private readonly ModelShelf _shelf;
    private readonly ILoggingAdapter _log;
    private readonly Task _accepting;
    private int _unproven;

    private ModelPort(
        Socket listener, SslServerAuthenticationOptions tls, Admission admission, ModelShelf shelf, ILoggingAdapter log)
    {
        (_listener, _tls, _admission, _shelf, _log) = (listener, tls, admission, shelf, log);
        _accepting = AcceptAsync();
    }

    /// <summary>Listens, and tells the shelf where.</summary>
    /// <param name="listen">An address of this machine, or its name.</param>
    /// <param name="port">0: one of the machine's choice.</param>
    /// <param name="kit">The hub's.</param>
    /// <exception cref="SocketException">Another program has the port, or the address is none of this
    /// machine's.</exception>
    public static ModelPort Open(
        string listen, int port, Kit kit, ECDsa key, ModelShelf shelf, TimeProvider clock, ILoggingAdapter log)
    {
        var address = IPAddress.TryParse(listen, out var known) ? known : Dns.GetHostAddresses(listen)[0];
        var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(new IPEndPoint(address, port));
            listener.Listen();
        }
        catch
        {
            listener.Dispose();
            throw;
        }
        shelf.Port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        var tls = new SslServerAuthenticationOptions
        {
            EnabledSslProtocols = SslProtocols.Tls13,
            AllowTlsResume = false,
            ClientCertificateRequired = true,
            ServerCertificateContext = ContextOf(kit, key),
            CertificateChainPolicy = PolicyOf(kit.SiteRoot),
        };
        return new ModelPort(
            listener, tls, new Admission(kit, IsHubWelcome: false, kit.Roster.Hospitals, clock), shelf, log);
    }

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        _listener.Dispose();
        await _accepting;
    }

    /// <summary>This site's certificate, as either end shows it.</summary>
    internal static SslStreamCertificateContext ContextOf(Kit kit, ECDsa key) =>
        SslStreamCertificateContext.Create(kit.Certificate.CopyWithPrivateKey(key), null, offline: true);

    /// <summary>So that the platform asks nobody about the peer's certificate: the <see cref="Admission"/>
    /// decides.</summary>
    internal static X509ChainPolicy PolicyOf(X509Certificate2 root) => new()
    {
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        CustomTrustStore = { root },
        RevocationMode = X509RevocationMode.NoCheck,
        DisableCertificateDownloads = true,
    };

    private async Task AcceptAsync()
    {
        while (!_ended.IsCancellationRequested)
        {
            try
            {
                var socket = await _listener.AcceptAsync(_ended.Token);
                if (Interlocked.Increment(ref _unproven) > MostUnproven)
                {
                    Interlocked.Decrement(ref _unproven);
                    socket.Dispose();
                    continue;
                }
                _ = ServeAsync(socket);
            }
            catch (SocketException e)
            {
                _log.Warning("No connection for a model can be taken: {Reason}", e.Message);
                await Task.Delay(Pause, _admission.Clock, _ended.Token)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        using var patience = new CancellationTokenSource(Patience, _admission.Clock);
        using var ended = _ended.Token.UnsafeRegister(state => ((CancellationTokenSource)state!).Cancel(), patience);
        try
        {
            SslStream stream;
            try
            {
                stream = await MeetAsync(socket, patience.Token);
            }
            finally
            {
                Interlocked.Decrement(ref _unproven);
            }
            await using (stream)
                await ServeAsync(stream, socket, patience);
        }
        catch (AuthenticationException e)
        {
            _log.Warning("Who asks for a model is not let in: {Reason}", e.Message);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException
            or ObjectDisposedException)
        {
            _log.Info("A connection for a model ends early: {Reason}", e.Message);
        }
        finally
        {
            socket.Dispose();
        }
    }

    private async Task<SslStream> MeetAsync(Socket socket, CancellationToken cancel)
    {
        var peer = socket.RemoteEndPoint;
        string? refusal = null;
        var stream = new SslStream(new NetworkStream(socket), false, (_, shown, _, _) =>
            (refusal = _admission.RefusalOf(shown as X509Certificate2)) is null);
        try
        {
            await stream.AuthenticateAsServerAsync(_tls, cancel);
            return stream;
        }
        catch (Exception e)
        {
            await stream.DisposeAsync();
            if (e is AuthenticationException)
                throw new AuthenticationException($"{peer}: {refusal ?? e.Message}", e);
            throw;
        }
    }

    private async Task ServeAsync(SslStream stream, Socket socket, CancellationTokenSource patience)
    {
        var hospital = new HospitalId(Certificates.NameOf((X509Certificate2)stream.RemoteCertificate!));
        // One at a time: who dials anew has given the former one up, whether this end knows or not.
        _served.AddOrUpdate(hospital, socket, (_, former) =>
        {
            former.Dispose();
            return socket;
        });
        try
        {
            await AnswerAsync(stream, hospital, patience);
        }
        finally
        {
            _served.TryRemove(KeyValuePair.Create(hospital, socket));
        }
    }

    private async Task AnswerAsync(SslStream stream, HospitalId hospital, CancellationTokenSource patience)
    {
        var piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            await stream.ReadExactlyAsync(piece.AsMemory(0, ModelRequest.Size), patience.Token);
            if (!ModelRequest.TryRead(piece.AsSpan(0, ModelRequest.Size), out var request))
            {
                _log.Warning("{Hospital} says what is no request for a model", hospital);
                return;
            }
            FaultNumber? refusal =
                !_shelf.TryGet(hospital, request.Model, out var model) ? FaultNumber.ModelNotOffered
                : !request.IsWithin(model.Bytes) ? FaultNumber.ModelRangeOutside
                : null;
            BinaryPrimitives.WriteInt32LittleEndian(piece, (int)(refusal ?? 0));
            await stream.WriteAsync(piece.AsMemory(0, ModelRequest.AnswerSize), patience.Token);
            if (refusal is { } number)
                _log.Warning("{Number}: {Hospital} is refused the model {Model} from byte {From}", number.Code(),
                    hospital, request.Model, request.From);
            for (long sent = 0; refusal is null && sent < request.Length;)
            {
                var bytes = piece.AsMemory(0, (int)Math.Min(PieceBytes, request.Length - sent));
                model!.CopyTo((int)(request.From + sent), bytes.Span);
                patience.CancelAfter(Patience);
                await stream.WriteAsync(bytes, patience.Token);
                sent += bytes.Length;
            }
            await stream.ShutdownAsync();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }
}
