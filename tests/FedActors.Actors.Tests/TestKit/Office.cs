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

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
