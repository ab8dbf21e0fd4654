using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace FedActors.Actors.Tests.TestKit;

/// <summary>
/// The wire before a node: it is called at 127.0.0.1, listens at <see cref="Behind"/> at the same port, and what others
/// send it goes through here, where it can be cut or slow. A call that is not taken is refused as such: one that
/// ended within the handshake would end the caller's actor system, as Akka.NET has it.
/// </summary>
internal sealed class Link : IDisposable
{
    /// <summary>Where the node listens.</summary>
    public const string Behind = "127.0.0.2";

    private const int PieceBytes = 4096;

    private readonly TcpListener _listener;
    private readonly ConcurrentDictionary<TcpClient, bool> _open = new();
    private readonly CancellationTokenSource _ended = new();
    private long _carried;

    public Link() => _listener = new TcpListener(IPAddress.Loopback, Port);

    public int Port { get; } = SmallFederation.FreePort();

    public string Address => $"127.0.0.1:{Port}";

    /// <summary>Of each connection and direction; 0: as fast as it goes.</summary>
    public int BytesPerSecond { get; set; }

    /// <summary>Bytes that went from the node to its callers.</summary>
    public long Carried => Interlocked.Read(ref _carried);

    /// <summary>Cuts once, after so many.</summary>
    public long CutAt { get; init; } = long.MaxValue;

    /// <summary>Takes connections from now on: the node is there.</summary>
    public void Listen()
    {
        _listener.Start();
        _ = AcceptAsync();
    }

    /// <summary>Takes no more connections; those that there are stay.</summary>
    public void Refuse() => _listener.Stop();

    /// <summary>Ends every connection there is.</summary>
    public void Cut()
    {
        foreach (var client in _open.Keys)
            client.Dispose();
    }

    public void Dispose()
    {
        _ended.Cancel();
        _listener.Dispose();
        Cut();
        _ended.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = JoinAsync(await _listener.AcceptTcpClientAsync(_ended.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException
            or InvalidOperationException)
        {
            // No more are taken.
        }
    }

    private async Task JoinAsync(TcpClient caller)
    {
        using var node = new TcpClient();
        (_open[caller], _open[node]) = (true, true);
        try
        {
            await node.ConnectAsync(Behind, Port, _ended.Token);
            await Task.WhenAny(CarryAsync(caller, node, false), CarryAsync(node, caller, true));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Nobody listens there, or the test is over: the caller sees the end.
        }
        finally
        {
            caller.Dispose();
            _open.TryRemove(caller, out _);
            _open.TryRemove(node, out _);
        }
    }

    private async Task CarryAsync(TcpClient from, TcpClient to, bool isFromNode)
    {
        var piece = new byte[PieceBytes];
        try
        {
            var (source, sink) = (from.GetStream(), to.GetStream());
            while (await source.ReadAsync(piece, _ended.Token) is > 0 and var length)
            {
                await sink.WriteAsync(piece.AsMemory(0, length), _ended.Token);
                // The time that these bytes take on a slow wire; nothing waits for it to be over.
                if (BytesPerSecond is > 0 and var rate)
                    await Task.Delay(TimeSpan.FromSeconds((double)length / rate), _ended.Token);
                if (isFromNode && Interlocked.Add(ref _carried, length) is var carried && carried >= CutAt
                    && carried - length < CutAt)
                    Cut();
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException
            or InvalidOperationException)
        {
            // Cut, by either end or by the test.
        }
    }
}
