using FedActors.Core.Identity;
using FedActors.Core.Numerics;

namespace FedActors.Core.Tests.Identity;

public class RosterTests
{
    private static readonly SitePublicKey[] Keys =
        [.. Enumerable.Range(0, 4).Select(_ => { using var key = SiteKey.Create(SecureRandomSource.Instance); return key.Public; })];

    [Test]
    public void The_hash_depends_on_every_key_and_name_and_not_on_their_order()
    {
        var roster = Roster(Keys[0], ("a", Keys[1]), ("b", Keys[2]));
        Assert.That(Roster(Keys[0], ("b", Keys[2]), ("a", Keys[1])).Hash, Is.EqualTo(roster.Hash));
        Assert.That(Roster(Keys[3], ("a", Keys[1]), ("b", Keys[2])).Hash, Is.Not.EqualTo(roster.Hash));
        Assert.That(Roster(Keys[0], ("a", Keys[3]), ("b", Keys[2])).Hash, Is.Not.EqualTo(roster.Hash));
        Assert.That(Roster(Keys[0], ("a", Keys[1]), ("c", Keys[2])).Hash, Is.Not.EqualTo(roster.Hash));
        Assert.That(Roster(Keys[0], ("a", Keys[1])).Hash, Is.Not.EqualTo(roster.Hash));
    }

    [Test]
    public void One_key_is_one_vote()
    {
        Assert.That(() => Roster(Keys[0], ("a", Keys[1]), ("b", Keys[1])), Throws.ArgumentException, "two hospitals");
        Assert.That(() => Roster(Keys[0], ("a", Keys[0]), ("b", Keys[1])), Throws.ArgumentException, "the coordinator's own");
        Assert.That(() => Roster(Keys[0]), Throws.ArgumentException, "nobody");
    }

    [Test]
    public void A_stranger_has_no_key() =>
        Assert.That(Roster(Keys[0], ("a", Keys[1])).KeyOf(new HospitalId("b")), Is.Null);

    private static Roster Roster(SitePublicKey coordinator, params (string Name, SitePublicKey Key)[] hospitals) =>
        new(coordinator, hospitals.Select(hospital => KeyValuePair.Create(new HospitalId(hospital.Name), hospital.Key)));
}
