# What the tests need in a fresh Request Tracker: two queues, the mark's custom field, two accounts with a token each, one requestor.
# Prints "NAME TOKEN" for every account.
use strict;
use warnings;
use lib '/usr/share/request-tracker5/lib', '/usr/local/share/request-tracker5/lib';
use RT -init;
require RT::AuthToken;

sub must { my ($ok, $message) = @_; die "$message\n" unless $ok; return $ok; }

my $queue = RT::Queue->new( RT->SystemUser );
must( $queue->Create( Name => 'Help desk' ) );
my $other = RT::Queue->new( RT->SystemUser );
must( $other->Create( Name => 'Payroll' ) );

my $field = RT::CustomField->new( RT->SystemUser );
must( $field->Create( Name => 'Countersign mark', Type => 'FreeformSingle', LookupType => 'RT::Queue-RT::Ticket', MaxValues => 1 ) );
must( $field->AddToObject($queue) );

# Mail to nobody: writing each one takes longer than what it tells of.
my $scrips = RT::Scrips->new( RT->SystemUser );
$scrips->UnLimit;
while ( my $scrip = $scrips->Next ) {
    must( $scrip->SetDisabled(1) ) if $scrip->ActionObj->Name =~ /^(?:Notify|Autoreply)/;
}

# Somebody who may nothing but write to it, and whose name is not their address.
must( RT::User->new( RT->SystemUser )->Create( Name => 'aadams', EmailAddress => 'alice@test.local' ) );

my @rights = qw(SeeQueue ShowTicket CreateTicket CommentOnTicket ReplyToTicket ModifyTicket ShowTicketComments SeeCustomField ModifyCustomField OwnTicket TakeTicket);
for my $name (qw(countersign eve)) {
    my $user = RT::User->new( RT->SystemUser );
    must( $user->Create( Name => $name, Privileged => 1, EmailAddress => "$name\@test.local" ) );
    must( $user->PrincipalObj->GrantRight( Right => $_, Object => $queue ) ) for @rights;
    # Both may read the other queue's tickets: what keeps them out of our answers is the connector.
    must( $user->PrincipalObj->GrantRight( Right => $_, Object => $other ) ) for $name eq 'eve' ? @rights : qw(SeeQueue ShowTicket);
    my $token = RT::AuthToken->new( RT->SystemUser );
    my ( $ok, $message, $value ) = $token->Create( Owner => $user->id, Description => 'test' );
    must( $ok, $message );
    print "$name $value\n";
}
