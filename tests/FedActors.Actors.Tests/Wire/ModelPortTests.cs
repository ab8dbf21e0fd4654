using System.Buffers.Binary;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Akka.Event;
using FedActors.Actors.Configuration;
using FedActors.Actors.Hosting;
using FedActors.Actors.Provisioning;
using FedActors.Actors.Storage;
using FedActors.Actors.Tests.TestKit;
using FedActors.Actors.Wire;
using FedActors.Core;
using FedActors.Core.Identity;
using FedActors.Core.Links;
using FedActors.Core.Models;
using Microsoft.Extensions.Time.Testing;

namespace FedActors.Actors.Tests.Wire;

/// <summary>
/// What a member can do to the hub's port for models. Who is no member meets it in <see cref="Hosting.RedTeamTests"/>.
/// </summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ModelPortTests : IAsyncDisposable
{
    // More than the connection's buffers hold.
    private static readonly GlobalModel Berlins =
        GlobalModel.Of([.. Enumerable.Range(0, 3_000_000).Select(i => i / 7.0)]);

    private static readonly GlobalModel Pariss = GlobalModel.Of([1, 2, 3]);

    private readonly Office _office = new("berlin", "paris");
    private readonly FakeTimeProvider _clock = new(TimeProvider.System.GetUtcNow());
    private readonly ECDsa _hubKey;
    private readonly ModelShelf _shelf = new();
    private readonly ModelPort _port;

    public ModelPortTests()
    {
        var cache = new ModelCache();
        cache.Add(Berlins);
        cache.Add(Pariss);
        _shelf.Open(cache);
        _shelf.Offer(new HospitalId("berlin"), Berlins.Hash);
        _shelf.Offer(new HospitalId("paris"), Pariss.Hash);
        _hubKey = PrivateFile.Read(_office.KeyOf("hub"));
        _port = ModelPort.Open(
            "127.0.0.1", 0, Kit.Open(_office.KitOf("hub")), _hubKey, _shelf, _clock, NoLogger.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        await _port.DisposeAsync();
        _hubKey.Dispose();
        _office.Dispose();
    }

    [Test]
    public async Task A_hospital_gets_the_bytes_it_asks_for()
    {
        await using var whole = await Ask("paris", new ModelRequest(Pariss.Hash, 0, Pariss.Bytes));
        await using var part = await Ask("paris", new ModelRequest(Pariss.Hash, 5, 11));

        Assert.That(await whole.Rest(), Is.EqualTo(Pariss.ToBytes()));
        Assert.That(await part.Rest(), Is.EqualTo(Pariss.ToBytes(5, 11)));
    }

    [Test]
    public async Task Another_hospitals_model_and_one_that_nobody_knows_are_refused()
    {
        await AssertRefused("paris", new ModelRequest(Berlins.Hash, 0, 1), FaultNumber.ModelNotOffered);
        await AssertRefused("paris", new ModelRequest(Digest.Of("none"u8), 0, 1), FaultNumber.ModelNotOffered);
        _shelf.Close();
        await AssertRefused("paris", new ModelRequest(Pariss.Hash, 0, 1), FaultNumber.ModelNotOffered);
    }

    [TestCase(0, 0)]
    [TestCase(-1, 5)]
    [TestCase(24, 1)]
    [TestCase(23, 2)]
    [TestCase(1, long.MaxValue)]
    [TestCase(long.MaxValue, long.MaxValue)]
    public Task Bytes_that_a_model_does_not_have_are_refused(long from, long length) =>
        AssertRefused("paris", new ModelRequest(Pariss.Hash, from, length), FaultNumber.ModelRangeOutside);

    [Test]
    public async Task Who_says_what_is_no_request_gets_no_answer()
    {
        await using var caller = await Call("paris");
        await caller.Stream.WriteAsync(new byte[ModelRequest.Size]);

        Assert.That(await caller.Rest(), Is.Empty);
        await AssertServes();
    }

    [Test]
    public async Task Who_stops_reading_is_cut_off_and_so_is_who_says_nothing()
    {
        await using var silent = await Call("paris");
        await using var slow = await Ask("berlin", new ModelRequest(Berlins.Hash, 0, Berlins.Bytes));
        Assert.That(await slow.Answer(), Is.Zero);

        _clock.Advance(TimeSpan.FromSeconds(21));

        Assert.That(await silent.Rest(), Is.Empty);
        Assert.That(await slow.Rest(), Has.Length.LessThan(Berlins.Bytes));
        await AssertServes();
    }

    [Test]
    public async Task A_hospital_that_dials_anew_ends_its_former_connection()
    {
        await using var former = await Ask("berlin", new ModelRequest(Berlins.Hash, 0, Berlins.Bytes));
        Assert.That(await former.Answer(), Is.Zero);
        await using var later = await Ask("berlin", new ModelRequest(Berlins.Hash, 0, 8));

        Assert.That(await later.Rest(), Is.EqualTo(Berlins.ToBytes(0, 8)));
        Assert.That(await former.Rest(), Has.Length.LessThan(Berlins.Bytes));
    }

    [Test]
    public async Task More_connections_than_it_waits_for_are_closed_at_once_and_those_that_stay_silent_in_time()
    {
        var silent = Enumerable.Range(0, ModelPort.MostUnproven)
            .Select(_ => new TcpClient("127.0.0.1", _shelf.Port)).ToArray();
        using (var more = new TcpClient("127.0.0.1", _shelf.Port))
            Assert.That(await Caller.ReadAll(more.GetStream()), Is.Empty);

        _clock.Advance(TimeSpan.FromSeconds(21));

        foreach (var one in silent)
        {
            Assert.That(await Caller.ReadAll(one.GetStream()), Is.Empty);
            one.Dispose();
        }
        await AssertServes();
    }

    [Test]
    public async Task A_hospital_takes_a_model_from_nobody_but_the_hub()
    {
        using var key = PrivateFile.Read(_office.KeyOf("paris"));
        var shelf = new ModelShelf();
        await using var impostor = ModelPort.Open(
            "127.0.0.1", 0, Kit.Open(_office.KitOf("paris")), key, shelf, _clock, NoLogger.Instance);
        using var own = PrivateFile.Read(_office.KeyOf("berlin"));
        var fetch = new ModelFetch(Kit.Open(_office.KitOf("berlin")), own, _clock);
        var spool = new ModelSpool(_office.PathOf("berlin", "models"));

        Assert.That(
            () => fetch.RunAsync(new HostPort("127.0.0.1", shelf.Port), new ModelRequest(Berlins.Hash, 0, 8), spool,
                CancellationToken.None),
            Throws.InstanceOf<AuthenticationException>());
        Assert.That(spool.LengthOf(Berlins.Hash), Is.Zero);
    }

    private async Task AssertRefused(string site, ModelRequest request, FaultNumber number)
    {
        await using var caller = await Ask(site, request);
        Assert.That((FaultNumber)await caller.Answer(), Is.EqualTo(number));
        Assert.That(await caller.Rest(), Is.Empty);
    }

    private async Task AssertServes()
    {
        await using var caller = await Ask("paris", new ModelRequest(Pariss.Hash, 0, Pariss.Bytes));
        Assert.That(await caller.Rest(), Is.EqualTo(Pariss.ToBytes()));
    }

    private async Task<Caller> Ask(string site, ModelRequest request)
    {
        var caller = await Call(site);
        var bytes = new byte[ModelRequest.Size];
        request.CopyTo(bytes);
        await caller.Stream.WriteAsync(bytes);
        return caller;
    }

    private async Task<Caller> Call(string site)
    {
        using var key = PrivateFile.Read(_office.KeyOf(site));
        var own = Kit.Open(_office.KitOf(site)).Certificate.CopyWithPrivateKey(key);
        var client = new TcpClient { ReceiveBufferSize = 65_536 };
        await client.ConnectAsync("127.0.0.1", _shelf.Port);
        using var hub = Kit.Open(_office.KitOf("hub")).Certificate;
        var stream = new SslStream(
            client.GetStream(), false, (_, shown, _, _) => shown?.GetCertHashString() == hub.GetCertHashString());
        await stream.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions { TargetHost = "hub", ClientCertificates = [own] });
        return new Caller(client, stream);
    }

    /// <summary>A hospital's connection, held by whoever has its kit and key.</summary>
    private sealed record Caller(TcpClient Client, SslStream Stream) : IAsyncDisposable
    {
        private bool _isAnswered;

        /// <summary>The number that the hub answers.</summary>
        public async Task<int> Answer()
        {
            var bytes = new byte[ModelRequest.AnswerSize];
            await Stream.ReadExactlyAsync(bytes).AsTask().WaitAsync(TimeSpan.FromSeconds(30));
            _isAnswered = true;
            return BinaryPrimitives.ReadInt32LittleEndian(bytes);
        }

        /// <summary>All that comes after the answer, until the hub ends the connection.</summary>
        public async Task<byte[]> Rest()
        {
            var bytes = await ReadAll(Stream);
            return _isAnswered ? bytes : bytes[Math.Min(bytes.Length, ModelRequest.AnswerSize)..];
        }

        /// <summary>All that comes until the other end ends the connection, in whatever way.</summary>
        public static async Task<byte[]> ReadAll(Stream stream)
        {
            using var all = new MemoryStream();
            try
            {
                await stream.CopyToAsync(all).WaitAsync(TimeSpan.FromSeconds(30));
            }
            catch (IOException)
            {
                // Cut off.
            }
            return all.ToArray();
        }

        public async ValueTask DisposeAsync()
        {
            await Stream.DisposeAsync();
            Client.Dispose();
        }
    }
}
