using System.Net;
using FedActors.Core;

namespace FedActors.Actors.Configuration;

/// <summary>Reads <c>node.storage</c>.</summary>
public static class StorageSection
{
    /// <param name="resolve">Makes a path of the file whole.</param>
    public static StoragePlan Read(HoconReader storage, Func<string, string> resolve)
    {
        var provider = Names.Read<StorageProvider>(storage, "provider");
        var server = storage.Section("postgresql");
        var plan = new PostgresPlan(
            $"{server.File}: {server.PathOf()}", Needed("host"), (int)server.Integer("port", 1, 65535),
            Needed("database"), Needed("user"),
            Whole("password-file"), server.Switch("tls"), Whole("root-certificate"));
        if (!plan.Tls && !IsLoopback(plan.Host))
            server.Report(FaultNumber.DatabaseUnencrypted, $"The journal would travel to '{plan.Host}' in the clear.",
                server.PathOf("tls"),
                "Turn TLS on at the server and here; off is for a server on this machine.");
        server.Done();
        storage.Done();
        return provider == StorageProvider.Sqlite ? StoragePlan.Sqlite : new StoragePlan(provider, plan);

        string Needed(string key)
        {
            var text = server.Text(key);
            if (text.Length == 0 && !server.IsFaulty(key))
                server.Report(FaultNumber.MissingKey, "Nothing is given.", server.PathOf(key),
                    "Write it, or take the line out for the default.");
            return text;
        }

        string Whole(string key) => server.Text(key) is { Length: > 0 } text ? resolve(text) : "";
    }

    // A path is a socket in this machine's file system.
    private static bool IsLoopback(string host) =>
        host.Length == 0 || host is "localhost" || host.StartsWith('/') || IPAddress.TryParse(host, out var address)
            && IPAddress.IsLoopback(address);
}
