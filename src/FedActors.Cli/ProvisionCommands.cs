using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using FedActors.Actors.Provisioning;
using FedActors.Core;
using FedActors.Simulation.Results;

namespace FedActors.Cli;

/// <summary><c>fedactors provision</c>: certificates and signed kits. Private keys are made where they are used and
/// stay there.</summary>
internal static class ProvisionCommands
{
    public static Command Create(Terminal terminal, Option<bool> json) =>
        new("provision", "Certificates and signed kits for the nodes of a federation.")
    {
        Init(terminal, json),
        Request(terminal, json),
        Sign(terminal, json, "sign", isRotation: false, "At the office: issues a certificate for a site's request.",
            "fedactors provision sign requests/berlin.csr --office office"),
        Package(terminal, json),
        Verify(terminal, json),
        Sign(terminal, json, "rotate", isRotation: true,
            "At the office: a new certificate for a site that has one; the old one is revoked.",
            "fedactors provision rotate requests/berlin.csr --office office"),
        Revoke(terminal, json),
    };

    private static CommandWithExample Init(Terminal terminal, Option<bool> json)
    {
        var office = Office();
        var federation =
            new Option<string>("--federation")
            {
                Description = "The federation's name.",
                HelpName = "NAME",
                Required = true
            };
        var hub =
            new Option<string>("--hub")
            {
                Description = "The hub's name.",
                HelpName = "NAME",
                DefaultValueFactory = _ =>
                "hub"
            };
        var host =
            new Option<string>("--host")
            {
                Description = "Where hospitals call the hub: a DNS name or an IPv4 address.",
                HelpName = "HOST",
                Required = true
            };
        var port =
            new Option<int>("--port")
            {
                Description = "The hub's port.",
                HelpName = "N",
                DefaultValueFactory = _ =>
                7071
            };
        port.Validators.Add(Validate.Within(1, 65_535));
        var command =
            new CommandWithExample("init",
                "At the office: founds a federation, with a root for hubs and one for hospitals.",
            "fedactors provision init --office office --federation breast-tumour --host hub.example.org")
        { office, federation, hub, host, port };
        command.SetAction(parsed =>
        {
            var folder = parsed.GetValue(office)!;
            FederationOffice.Init(folder, parsed.GetValue(federation)!, parsed.GetValue(hub)!, parsed.GetValue(host)!,
                parsed.GetValue(port), terminal.Clock);
            return Say(terminal, parsed.GetValue(json),
                new { Office = folder, Federation = parsed.GetValue(federation) },
                $"Founded in {folder}. Keep this folder off the network: its keys admit hubs and hospitals.");
        });
        return command;
    }

    private static CommandWithExample Request(Terminal terminal, Option<bool> json)
    {
        var name =
            new Option<string>("--name")
            {
                Description = "The site's name: a hospital's, or the hub's.",
                HelpName = "NAME",
                Required = true
            };
        var folder =
            new Option<string>("--dir")
            {
                Description = "Where key and request go.",
                HelpName = "DIR",
                DefaultValueFactory = _ => "."
            };
        var command =
            new CommandWithExample("csr",
                "At a site: makes its private key, which stays there, and the request to send to the office.",
            "fedactors provision csr --name berlin --dir /etc/fedactors")
        { name, folder };
        command.SetAction(parsed =>
        {
            var request = FederationOffice.Request(parsed.GetValue(folder)!, parsed.GetValue(name)!);
            return Say(terminal, parsed.GetValue(json),
                new { Request = request, Key = Path.ChangeExtension(request, ".key") },
                $"Send {request} to the office. {Path.ChangeExtension(request, ".key")} stays here.");
        });
        return command;
    }

    private static CommandWithExample Sign(
        Terminal terminal, Option<bool> json, string verb, bool isRotation, string description, string example)
    {
        var request = new Argument<string>("REQUEST.csr") { Description = "The site's request." };
        var office = Office();
        var days =
            new Option<int>("--days")
            {
                Description = "How long the certificate counts.",
                HelpName = "N",
                DefaultValueFactory = _ => 365
            };
        days.Validators.Add(Validate.Within(1, 3_650));
        var command = new CommandWithExample(verb, description, example) { request, office, days };
        command.SetAction(parsed =>
        {
            var name = FederationOffice.Open(parsed.GetValue(office)!, terminal.Clock)
                .Sign(parsed.GetValue(request)!, isRotation, TimeSpan.FromDays(parsed.GetValue(days)));
            return Say(terminal, parsed.GetValue(json), new { Site = name, Days = parsed.GetValue(days) },
                $"'{name}' has a certificate for {parsed.GetValue(days)} days. Package the kits of all sites again: "
                    + "each holds the list of members.");
        });
        return command;
    }

    private static CommandWithExample Package(Terminal terminal, Option<bool> json)
    {
        var site = new Option<string>("--site") { Description = "Whose kit.", HelpName = "NAME", Required = true };
        var office = Office();
        var to = new Option<string>("--out") { Description = "The kit's folder.", HelpName = "DIR", Required = true };
        var command =
            new CommandWithExample("package", "At the office: writes a site's kit, signed; no private key is in it.",
            "fedactors provision package --office office --site berlin --out kits/berlin")
        { site, office, to };
        command.SetAction(parsed =>
        {
            FederationOffice.Open(parsed.GetValue(office)!, terminal.Clock)
                .Package(parsed.GetValue(site)!, parsed.GetValue(to)!);
            var kit = Kit.Open(parsed.GetValue(to)!);
            return Say(terminal, parsed.GetValue(json), new { Kit = kit.Folder, kit.Manifest.Version, kit.Fingerprint },
                $"The kit of '{kit.Manifest.Site}' is in {kit.Folder}. Read its fingerprint to the site by "
                    + $"telephone:\n{kit.Fingerprint}");
        });
        return command;
    }

    private static CommandWithExample Verify(Terminal terminal, Option<bool> json)
    {
        var folder = new Argument<string>("KIT") { Description = "The kit's folder." };
        var key =
            new Option<string?>("--key")
            {
                Description = "The site's private key: is it the certificate's?",
                HelpName = "FILE"
            };
        var fingerprint =
            new Option<string?>("--fingerprint")
            {
                Description = "What the office said on the telephone.",
                HelpName = "HEX"
            };
        var command =
            new CommandWithExample("verify",
                "At a site: checks a kit before the first start, and whether its certificate ends soon.",
            "fedactors provision verify /etc/fedactors/kit --key /etc/fedactors/berlin.key")
        { folder, key, fingerprint };
        command.SetAction(parsed =>
        {
            var kit = Kit.Open(parsed.GetValue(folder)!);
            using var own = parsed.GetValue(key) is { } file ? PrivateFile.Read(file) : null;
            var faults = kit.Faults(own, terminal.Clock.GetUtcNow()).ToList();
            if (parsed.GetValue(fingerprint) is { } expected && expected != kit.Fingerprint)
                faults.Add(new Fault(FaultNumber.KitForged, $"The kit's fingerprint is {kit.Fingerprint}.", kit.Folder,
                    "It is not the kit that the office meant: fetch it again."));
            if (faults.Count > 0)
                throw new FaultException(ExitCode.VerificationFailed, faults);
            var until = new DateTimeOffset(kit.Certificate.NotAfter).ToUniversalTime();
            if (until - terminal.Clock.GetUtcNow() < Certificates.Notice)
                terminal.ProgressText.WriteLine(new Fault(FaultNumber.CertificateExpiresSoon,
                    string.Create(CultureInfo.InvariantCulture,
                        $"The certificate of '{kit.Manifest.Site}' ends on {until:u}."), kit.Folder,
                    "Send the office a new request now: 'fedactors provision csr' makes it."));
            return Say(terminal, parsed.GetValue(json),
                new
                {
                    kit.Manifest.Federation,
                    kit.Manifest.Site,
                    kit.Manifest.Version,
                    Until = until,
                    kit.Fingerprint
                },
                string.Create(CultureInfo.InvariantCulture,
                    $"The kit of '{kit.Manifest.Site}' in '{kit.Manifest.Federation}' is whole. Certificate until "
                        + $"{until:u}. Fingerprint:\n{kit.Fingerprint}"));
        });
        return command;
    }

    private static CommandWithExample Revoke(Terminal terminal, Option<bool> json)
    {
        var site =
            new Option<string>("--site") { Description = "Whose certificate.", HelpName = "NAME", Required = true };
        var office = Office();
        var command =
            new CommandWithExample("revoke",
                "At the office: a site's certificate counts no more, and it leaves the list of members.",
            "fedactors provision revoke --office office --site berlin")
        { site, office };
        command.SetAction(parsed =>
        {
            FederationOffice.Open(parsed.GetValue(office)!, terminal.Clock).Revoke(parsed.GetValue(site)!);
            return Say(terminal, parsed.GetValue(json), new { Site = parsed.GetValue(site) },
                $"'{parsed.GetValue(site)}' is revoked in the next kits: package them for every site, and start the "
                    + "nodes with them.");
        });
        return command;
    }

    private static Option<string> Office() =>
        new("--office")
        {
            Description = "The federation's folder.",
            HelpName = "DIR",
            DefaultValueFactory = _ =>
            "office"
        };

    private static int Say(Terminal terminal, bool json, object document, string sentence)
    {
        terminal.OutputText.WriteLine(json ? JsonSerializer.Serialize(document, ResultJson.Indented) : sentence);
        return (int)ExitCode.Done;
    }
}
