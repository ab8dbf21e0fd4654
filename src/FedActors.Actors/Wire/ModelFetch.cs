using System.Buffers;
using System.Buffers.Binary;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FedActors.Actors.Configuration;
using FedActors.Actors.Provisioning;
using FedActors.Actors.Storage;
using FedActors.Core;
using FedActors.Core.Links;
using FedActors.Core.Protocol;

namespace FedActors.Actors.Wire;

/// <summary>A hospital's end of the connection that brings a large model: dials the hub's <see cref="ModelPort"/>, and
/// lets in nobody but the hub.</summary>
public sealed class ModelFetch(Kit kit, ECDsa key, TimeProvider clock)
{
    private const int PieceBytes = 4 * RoundProtocol.ChunkBytes;

    // Until the hub has answered, and from then on until more comes.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Admission _admission = new(kit, IsHubWelcome: true, [], clock);

    private readonly SslStreamCertificateContext _own = ModelPort.ContextOf(kit, key);

    /// <summary>Returns when the spool holds all that was asked for; what came before a failure is there too.</summary>
    /// <param name="request">From where the spool's bytes of the model end.</param>
    /// <exception cref="IOException">The hub refuses, or the connection or the disk failed.</exception>
    /// <exception cref="SocketException">Nobody listens there.</exception>
    /// <exception cref="AuthenticationException">It is not the hub who does.</exception>
    /// <exception cref="OperationCanceledException">It took too long, or is not wanted any more.</exception>
    public async Task RunAsync(HostPort hub, ModelRequest request, ModelSpool spool, CancellationToken cancel)
    {
        using var patience = new CancellationTokenSource(Patience, clock);
        using var unwanted = cancel.UnsafeRegister(state => ((CancellationTokenSource)state!).Cancel(), patience);
        using var client = new TcpClient();
        await client.ConnectAsync(hub.Host, hub.Port, patience.Token);
        await using var stream = new SslStream(client.GetStream(), false);
        string? refusal = null;
        try
        {
            await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = hub.Host,
                EnabledSslProtocols = SslProtocols.Tls13,
                AllowTlsResume = false,
                ClientCertificateContext = _own,
                CertificateChainPolicy = ModelPort.PolicyOf(kit.HubRoot),
                RemoteCertificateValidationCallback = (_, shown, _, _) =>
                    (refusal = _admission.RefusalOf(shown as X509Certificate2)) is null,
            }, patience.Token);
        }
        catch (AuthenticationException) when (refusal is not null)
        {
            throw new AuthenticationException(refusal);
        }
        var piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            request.CopyTo(piece);
            await stream.WriteAsync(piece.AsMemory(0, ModelRequest.Size), patience.Token);
            await stream.ReadExactlyAsync(piece.AsMemory(0, ModelRequest.AnswerSize), patience.Token);
            if (BinaryPrimitives.ReadInt32LittleEndian(piece) is not 0 and var number)
                throw new IOException($"The hub refuses: {((FaultNumber)number).Code()}.");
            await using var file = spool.Append(request.Model);
            for (var left = request.Length; left > 0;)
            {
                patience.CancelAfter(Patience);
                var count = await stream.ReadAtLeastAsync(
                    piece.AsMemory(0, (int)Math.Min(PieceBytes, left)), (int)Math.Min(PieceBytes, left),
                    throwOnEndOfStream: false, patience.Token);
                await file.WriteAsync(piece.AsMemory(0, count), patience.Token);
                left -= count;
                if (count == 0)
                    throw new EndOfStreamException("The hub ended the connection early.");
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }
}
