using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using FedActors.Actors.Configuration;
using FedActors.Actors.Provisioning;

namespace FedActors.Actors.Tests.TestKit;

/// <summary>A federation's office and its sites' folders, in a folder that goes with the test.</summary>
public sealed class Office : IDisposable
{
    public Office(params string[] hospitals) : this(TimeProvider.System, hospitals) { }

    public Office(TimeProvider clock, params string[] hospitals)
    {
        Port = SmallFederation.FreePort();
        Federation = FederationOffice.Init(PathOf("office"), "demo", "hub", "127.0.0.1", Port, clock);
        foreach (var site in hospitals.Prepend("hub"))
            Federation.Sign(FederationOffice.Request(PathOf(site), site), isRotation: false, TimeSpan.FromDays(90));
        foreach (var site in hospitals.Prepend("hub"))
            Federation.Package(site, KitOf(site));
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("fedactors-").FullName;

    public int Port { get; }

    public FederationOffice Federation { get; }

    public string PathOf(params string[] parts) => Path.Combine([Folder, .. parts]);

    public string KitOf(string site) => PathOf(site, "kit");

    public string KeyOf(string site) => PathOf(site, site + ".key");

    /// <summary>Writes the site's node file.</summary>
    /// <param name="section">What stands in it beside role and identity.</param>
    public string NodeFile(string site, string section)
    {
        var file = PathOf(site, "node.conf");
        File.WriteAllText(file, $$"""
            node {
              role = {{(site == "hub" ? "hub" : "hospital")}}
              identity { kit = "kit", key = "{{site}}.key" }
            {{section}}
            }
            """);
        return file;
    }

    /// <summary>Whether a node takes a TLS connection of this site: one that is let in hears the other side's greeting,
    /// one that is not, the end.</summary>
    public async Task<bool> IsLetInAsync(HostPort node, string site)
    {
        var kit = Kit.Open(KitOf(site));
        using var key = PrivateFile.Read(KeyOf(site));
        // The platform wants the two as one.
        using var certificate = X509CertificateLoader.LoadPkcs12(
            kit.Certificate.CopyWithPrivateKey(key).Export(X509ContentType.Pkcs12), null);
        using var client = new TcpClient(node.Host, node.Port);
        await using var stream = new SslStream(client.GetStream(), false, (_, shown, _, _) =>
            kit.FaultOf((X509Certificate2)shown!, isHub: true, TimeProvider.System.GetUtcNow(), "") is null);
        try
        {
            await stream.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions { TargetHost = site, ClientCertificates = [certificate] });
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            return await stream.ReadAsync(new byte[1], patience.Token) > 0;
        }
        catch (OperationCanceledException)
        {
            return true;
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            return false;
        }
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
